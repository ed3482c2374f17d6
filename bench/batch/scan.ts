/**
 * How fast a recompute scans and aggregates, on one core: the step `recompute` over a master of KDD records, for count views
 * and for those of streams/network.ts. Beside it DuckDB, on one thread, the same queries on the same files in the same run.
 *
 *     node bench/batch/scan.ts [--records N] [--rounds N] [--dir DIR]
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { planRun } from '../../lib/batch/plan.ts'
import { recomputeShard } from '../../lib/batch/recompute.ts'
import { partialsPrefix } from '../../lib/batch/run-plan.ts'
import { manifestFiles } from '../../lib/master/read.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { releaseLease } from '../../lib/state/batch-run.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'
import { network } from '../../streams/network.ts'
import { feedKdd, RATE, START_MS } from './kdd-master.ts'
import { benchPorts } from './ports.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    dir: { type: 'string' },
  },
})
const RECORDS = Number(values.records)

const count = (groupBy: readonly string[]): ViewDefinition => ({
  title: '',
  groupBy,
  slotMs: 300_000,
  aggregates: { count: { kind: 'count' } },
})
const SETS: Readonly<Record<string, Readonly<Record<string, ViewDefinition>>>> = {
  'count by service': { byService: count(['service']) },
  'three counts': {
    byService: count(['service']),
    byProtocolFlag: count(['protocol_type', 'flag']),
    byLabel: count(['label']),
  },
  'views of network': network.views,
}
const SLOT = "time_bucket(interval '5 minutes', weir_event_time)"
const SQL: Readonly<Record<string, readonly string[]>> = {
  'count by service': [
    `select service, ${SLOT}, count(*) from master where weir_outcome = 'ok' group by all`,
  ],
  'three counts': ['service', 'protocol_type, flag', 'label'].map(
    (by) => `select ${by}, ${SLOT}, count(*) from master where weir_outcome = 'ok' group by all`,
  ),
}

/** CPU seconds of this process, all threads. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = cpuSeconds()
  await work()
  return cpuSeconds() - before
}

async function scan(ports: Ports, stream: Stream, run: string): Promise<number> {
  const step = { stream: stream.name, run }
  const options = { slackMs: 0, leaseMs: 600_000, untilMs: 0 }
  const plan = await planRun(ports, stream, step, options)
  const shards = plan?.groups.flatMap((group) => group.shards) ?? []
  if (shards.length === 0) throw new Error(`${dir} holds no records: remove it, so that it is filled again`)
  const seconds = await timed(async () => {
    for (const shard of shards) await recomputeShard(ports.objects, { ...step, shard })
  })
  for await (const { key } of ports.objects.list(partialsPrefix(stream.name))) await ports.objects.delete(key)
  await releaseLease(ports, stream.name, run)
  return seconds
}

async function duck(ports: Ports, dir: string) {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  const files: string[] = []
  for await (const { file } of manifestFiles(ports.objects, network.name))
    files.push(join(dir, 'objects', file.key))
  await connection.run(
    `create view master as select * from read_parquet([${files.map((file) => `'${file}'`).join(',')}])`,
  )
  return async (queries: readonly string[]) => {
    for (const query of queries) await (await connection.runAndReadAll(query)).getRows()
  }
}

const dir = values.dir ?? mkdtempSync(join(tmpdir(), 'weir-scan-'))
const fresh = !existsSync(join(dir, 'state.db'))
const ports = await benchPorts(dir, START_MS + (RECORDS * 1000) / RATE + 3_600_000)
if (fresh) await feedKdd(ports, network, RECORDS, { count: false })
const ask = await duck(ports, dir).catch(() => undefined)
const best = new Map<string, number>()
const note = (name: string, seconds: number) => best.set(name, Math.min(best.get(name) ?? seconds, seconds))
for (let round = 0; round < Number(values.rounds); round++)
  for (const [name, views] of Object.entries(SETS)) {
    note(
      name,
      await scan(ports, { ...network, views }, `${round}-${name.replaceAll(' ', '-')}-${process.pid}`),
    )
    const queries = SQL[name]
    if (ask !== undefined && queries !== undefined) note(`DuckDB: ${name}`, await timed(() => ask(queries)))
  }
for (const [name, seconds] of best)
  console.log(
    `${name.padEnd(28)} ${(RECORDS / seconds / 1e6).toFixed(2)} M records a CPU-second (best of ${values.rounds})`,
  )
console.log(`peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB, ${RECORDS} records`)
await ports.close()
if (values.dir === undefined) rmSync(dir, { recursive: true })
