/**
 * How fast unified2 spools go in: reading and joining alone, collecting into the embedded log, and the whole local pipeline.
 *
 *     node bench/collect/unified2.ts [events]      default 200000: 84 MB
 *
 * The spools are made: an event, a packet of 200 to 500 bytes, and for every third extra data with a URI. What this replaces put
 * 11 GB in by one producer in 267 to 356 minutes: about 0.7 MB/s.
 */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { recordsIn } from '../../lib/collect/block.ts'
import { startRun } from '../../lib/collect/run.ts'
import { Unified2Splitter } from '../../lib/collect/unified2-splitter.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { nids } from '../../streams/nids.ts'
import { inFolder, openTestPorts } from '../../test/collect/ports.ts'
import { u2Event, u2ExtraData, u2Packet } from '../../test/formats/unified2.ts'

const EVENTS = Number(process.argv[2] ?? 200_000)
const CHUNK = 1024 * 1024
const PAYLOAD = 'x'.repeat(500)

function spool(): Buffer {
  const random = seededRandom(1)
  const parts: Buffer[] = []
  for (let id = 0; id < EVENTS; id++) {
    const source = [203, id & 255, (id >> 8) & 255, 7]
    const second = 1_700_000_000 + Math.floor(id / 12)
    parts.push(u2Event({ type: 104, id, second, sid: 1 + Math.floor(random() ** 3 * 400), source }))
    parts.push(u2Packet(id, PAYLOAD.slice(0, 200 + random() * 300), second))
    if (id % 3 === 0) parts.push(u2ExtraData(id, 9, '/index.php?id=1', second))
  }
  return Buffer.concat(parts)
}

/** Of wall time, and of CPU time where all of it was this process's: other work on the machine leaves that as it is. */
function report(what: string, bytes: number, records: number, seconds: number, cpu?: NodeJS.CpuUsage): void {
  const rates = (of: number) =>
    `${(bytes / 1e6 / of).toFixed(1)} MB/s, ${Math.round(records / of).toLocaleString('en-US')} records/s`
  const own = cpu && process.cpuUsage(cpu)
  const byCpu = own === undefined ? '' : `; of CPU ${rates((own.user + own.system) / 1e6)}`
  console.log(`${what}: ${rates(seconds)}${byCpu}`)
}

async function reading(bytes: Buffer): Promise<void> {
  for (const parse of [false, true]) {
    const startedMs = performance.now()
    const cpu = process.cpuUsage()
    const splitter = new Unified2Splitter('bench', {})
    let records = 0
    const take = (block: Parameters<typeof recordsIn>[0]) => {
      records += recordsIn(block)
      if (!parse || block.kind !== 'records') return
      for (let i = 0; i < block.count; i++)
        nids.parse(block.bytes.subarray(block.bounds[2 * i], block.bounds[2 * i + 1]) as Buffer)
    }
    for (let at = 0; at < bytes.length; at += CHUNK)
      for await (const block of splitter.push(bytes.subarray(at, at + CHUNK))) take(block)
    for await (const block of splitter.finish()) take(block)
    const seconds = (performance.now() - startedMs) / 1000
    report(
      parse ? 'reading, joining and parsing' : 'reading and joining events',
      bytes.length,
      records,
      seconds,
      cpu,
    )
  }
}

async function collecting(dir: string, path: string, bytes: number): Promise<void> {
  const ports = await openTestPorts(join(dir, 'collected'))
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  const { recordsIn: records } = await startRun({ ports, stream: nids, sources: [path] })
  report('into the embedded log', bytes, records, (performance.now() - startedMs) / 1000, cpu)
  await ports.close()
}

function pipeline(dir: string, path: string, bytes: number): void {
  const weir = join(import.meta.dirname, '../../bin/weir.ts')
  const args = [weir, 'replay', 'nids', path, '--json', '--data', join(dir, 'site')]
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`weir replay failed: ${stderr}`)
  const { recordsIn: records, seconds, alerts } = JSON.parse(stdout)
  report(`weir replay nids, start and end included (${alerts} alerts)`, bytes, records, seconds)
}

await inFolder(async (dir) => {
  const bytes = spool()
  console.log(`${EVENTS} events, ${(bytes.length / 1e6).toFixed(1)} MB`)
  const path = join(dir, 'snort.u2.1700000000')
  await writeFile(path, bytes)
  await reading(bytes)
  await collecting(dir, path, bytes.length)
  pipeline(dir, path, bytes.length)
})
