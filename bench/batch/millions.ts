/**
 * Five million KDD records with distinct ids through archive and count, recomputed, and every view of streams/network.ts
 * compared: the boards' answer before, the batch view's after it, and DuckDB's over the master's files. Each phase is a process
 * of its own, so that its peak memory is its own.
 *
 *     node bench/batch/millions.ts [--records N] [--dir DIR]
 */
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { LOCAL } from '../../lib/batch/settings.ts'
import { runRecompute } from '../../lib/local/recompute-run.ts'
import { manifestFiles } from '../../lib/master/read.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { queryView } from '../../lib/serve/query.ts'
import { batchPrefix } from '../../lib/state/batch-index.ts'
import { compileView } from '../../lib/views/view.ts'
import { network } from '../../streams/network.ts'
import { feedKdd, RATE, START_MS } from './kdd-master.ts'
import { benchPorts } from './ports.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '5000000' },
    dir: { type: 'string' },
    phase: { type: 'string' },
  },
})
const RECORDS = Number(values.records)
/** Every epoch has ended. */
const NOW_MS = START_MS + (RECORDS * 1000) / RATE + 3_600_000

async function answers(ports: Ports, layer: 'speed' | 'batch'): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  for (const [name, definition] of Object.entries(network.views)) {
    const view = compileView(network.name, name, definition)
    const { rows } = await queryView(ports, view, { bySlot: true, layer }, NOW_MS)
    digests[name] =
      `${rows.length} rows, sha256 ${createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 16)}`
  }
  return digests
}

async function recompute(ports: Ports, run: string, full: boolean): Promise<unknown> {
  const { views, horizon } = await runRecompute(ports, network, { run, full, settings: LOCAL })
  let objects = 0
  let sizeBytes = 0
  for await (const one of ports.objects.list(batchPrefix(network.name))) {
    objects++
    sizeBytes += one.sizeBytes
  }
  return {
    horizon,
    objects,
    sizeBytes,
    views: views.map(({ view, mode, records, segments }) => ({ view, mode, records, segments })),
  }
}

async function byDuckDb(ports: Ports, dir: string): Promise<unknown> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const connection = await (
    await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '600MB' })
  ).connect()
  const files: string[] = []
  for await (const { file } of manifestFiles(ports.objects, network.name))
    files.push(join(dir, 'objects', file.key))
  const list = files.map((file) => `'${file}'`).join(',')
  const slot = "epoch_ms(time_bucket(interval '5 minutes', weir_event_time))"
  const reader = await connection.runAndReadAll(
    `select service, ${slot} as slot, count(*)::double as count, sum(total_bytes)::double as bytes from read_parquet([${list}]) where weir_outcome = 'ok' group by all`,
  )
  const theirs = new Map(
    reader.getRowsJson().map(([key, at, ...rest]) => [`${key} ${Number(at)}`, rest.map(Number)]),
  )
  const view = compileView(network.name, 'byService', network.views.byService as never)
  const { rows } = await queryView(ports, view, { bySlot: true, layer: 'batch' }, NOW_MS)
  const wrong = rows.filter(({ key, from, count, bytes }) => {
    const [n, sum] = theirs.get(`${key} ${Date.parse(from)}`) ?? []
    return n !== count || sum !== bytes
  })
  return { files: files.length, rows: theirs.size, agreeing: rows.length - wrong.length, wrong: wrong.length }
}

const PHASES: Readonly<Record<string, (ports: Ports, dir: string) => Promise<unknown>>> = {
  feed: (ports) => feedKdd(ports, network, RECORDS),
  boards: (ports) => answers(ports, 'speed'),
  recompute: (ports) => recompute(ports, `added-${process.pid}`, false),
  batch: (ports) => answers(ports, 'batch'),
  again: (ports) => recompute(ports, `full-${process.pid}`, true),
  duckdb: byDuckDb,
}

async function phase(name: string, dir: string): Promise<void> {
  const ports = await benchPorts(dir, NOW_MS)
  const startedMs = performance.now()
  const result = await PHASES[name]?.(ports, dir)
  await ports.close()
  const { user, system } = process.cpuUsage()
  process.send?.({
    result,
    seconds: (performance.now() - startedMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  })
  process.disconnect?.()
}

interface Report {
  readonly result: unknown
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMiB: number
}

function inProcess(name: string, dir: string): Promise<Report> {
  const child = fork(fileURLToPath(import.meta.url), [
    '--phase',
    name,
    '--dir',
    dir,
    '--records',
    String(RECORDS),
  ])
  return new Promise((resolve, reject) => {
    child.once('message', (report: Report) => resolve(report))
    child.once('exit', (code) => reject(new Error(`phase ${name} ended with ${code}`)))
  })
}

async function all(dir: string): Promise<void> {
  const fed = existsSync(join(dir, 'state.db'))
  const results = new Map<string, unknown>()
  for (const name of Object.keys(PHASES)) {
    if (name === 'feed' && fed) continue
    const { result, seconds, cpuSeconds, peakMiB } = await inProcess(name, dir)
    results.set(name, result)
    console.log(`${name}: ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} CPU-s, peak ${peakMiB} MiB`)
    if (name !== 'feed') console.log(`  ${JSON.stringify(result)}`)
  }
  const same = JSON.stringify(results.get('boards')) === JSON.stringify(results.get('batch'))
  console.log(same ? 'boards and batch views agree in every view' : 'BOARDS AND BATCH VIEWS DIFFER')
  if (!same) process.exitCode = 1
}

const { dir, phase: name } = values
if (name !== undefined) await phase(name, dir ?? '')
else {
  const own = dir ?? mkdtempSync(join(tmpdir(), 'weir-millions-'))
  await all(own)
  if (dir === undefined) rmSync(own, { recursive: true })
}
