/**
 * Records a second from a file into the raw log, with everything on the way: reading, gunzip, cutting into lines,
 * partitions, batches, appends, checkpoints. Beside it two floors in the same process, in turns: gunzip alone, and gunzip with
 * every line looked for.
 *
 *     node bench/collect/collect.ts [FILE.gz]     without a file: 500,000 lines of lib/collect/demo-network.ts
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { z } from 'zod'
import { sampleNetwork } from '../../lib/collect/demo-network.ts'
import { startRun } from '../../lib/collect/run.ts'
import { csv } from '../../lib/formats/csv.ts'
import { defineStream } from '../../lib/stream/define.ts'
import { openTestPorts } from '../../test/collect/ports.ts'

const ROUNDS = 3

const names = Array.from({ length: 42 }, (_, i) => `field_${i}`)
const isText = (i: number) => (i >= 1 && i <= 3) || i === 41
const schema = z.object(
  Object.fromEntries(names.map((name, i) => [name, isText(i) ? z.string() : z.number()])),
)
const common = { title: '', description: '', format: csv(), schema, views: {}, partitions: 4 }
const unkeyed = defineStream({ ...common, name: 'plain' })
const keyed = defineStream({ ...common, name: 'keyed', key: (value) => String(value.field_2) })

const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))

async function file(): Promise<string> {
  const path = process.argv[2] ?? '../shared/data/network/kddcup.data_10_percent.gz'
  if (existsSync(path)) return path
  const lines = Array.from(sampleNetwork({ seed: 1, rows: 100_000 }), ({ line }) => line).join('\n')
  const made = join(dir, 'made.gz')
  await writeFile(made, gzipSync(`${lines}\n`.repeat(5)))
  return made
}

const path = await file()
const ports = await openTestPorts(join(dir, 'data'))
let records = 0

const ways: Readonly<Record<string, () => Promise<void> | void>> = {
  'floor: gunzip': () => {
    gunzipSync(readFileSync(path))
  },
  'floor: gunzip, find lines': () => {
    const bytes = gunzipSync(readFileSync(path))
    for (let at = 0; at >= 0; ) at = bytes.indexOf(10, at + 1)
  },
  'collect, no key': async () => {
    records = (await startRun({ ports, stream: unkeyed, sources: [path] })).recordsInSession
  },
  'collect, by key (parses and checks each record)': async () => {
    await startRun({ ports, stream: keyed, sources: [path] })
  },
}

const best = new Map<string, { cpuS: number; seconds: number }>()
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(ways)) {
    const before = process.cpuUsage()
    const startedMs = performance.now()
    await run()
    const seconds = (performance.now() - startedMs) / 1000
    const { user, system } = process.cpuUsage(before)
    const cpuS = (user + system) / 1e6
    if (cpuS < (best.get(name)?.cpuS ?? Number.POSITIVE_INFINITY)) best.set(name, { cpuS, seconds })
  }
}
for (const [name, { cpuS, seconds }] of best)
  console.log(
    `${name.padEnd(48)} ${((cpuS / records) * 1e6).toFixed(2)} us CPU a record, ${Math.round(records / seconds).toLocaleString('en-US')} records/s`,
  )
await ports.close()
await rm(dir, { recursive: true })
