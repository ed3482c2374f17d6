/**
 * Rows per CPU-second of compaction, its peak memory, and what it does to size and to reading:
 * `node bench/master/compact.bench.ts [rows] [rows a file]`. The network stream's own fields from the KDD 10 % file,
 * written as archive writes them into a folder of their own, one hour, one partition.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { compactStream } from '../../lib/master/compact.ts'
import { manifestTotal } from '../../lib/master/manifest.ts'
import { commit, readManifest } from '../../lib/master/manifest-store.ts'
import { writeFile } from '../../lib/master/new-file.ts'
import { masterValues } from '../../lib/master/read.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { network } from '../../streams/network.ts'

const FILE = '../shared/data/network/kddcup.data_10_percent.gz'
const TOPIC = 'network.raw.g1'
const START_MS = 1_700_000_400_000

async function main(): Promise<void> {
  if (!existsSync(FILE)) return console.error(`no ${FILE}: this bench needs the KDD 10 % file`)
  const rows = Number(process.argv[2] ?? 1_000_000)
  const perFile = Number(process.argv[3] ?? 1_000)
  const dir = mkdtempSync(join(tmpdir(), 'weir-compact-'))
  const objects = await FolderStore.open(dir, { fsync: 'never' })
  try {
    await fill(objects, rows, perFile)
    const before = await measure(objects)
    const started = process.cpuUsage()
    const startedMs = performance.now()
    const clock = { nowMs: () => Date.now() }
    const done = await compactStream({ objects, clock }, 'network', { openHours: true })
    const cpuS = cpuUs(started) / 1e6
    const after = await measure(objects)
    const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024)
    const wallS = (performance.now() - startedMs) / 1e3
    const figures = {
      rows,
      perFile,
      replaced: done.replaced,
      written: done.written,
      compactRowsPerCpuS: Math.round(rows / cpuS),
    }
    console.log(JSON.stringify({ ...figures, wallS: +wallS.toFixed(1), peakMiB, before, after }))
  } finally {
    await objects.close()
    rmSync(dir, { recursive: true })
  }
}

/** Lines of the file over and over, ten thousand a second. */
async function fill(objects: ObjectStore, rows: number, perFile: number): Promise<void> {
  const lines = gunzipSync(readFileSync(FILE)).toString().split('\n').slice(0, 400_000)
  for (let from = 0; from < rows; from += perFile) {
    const run = Array.from({ length: Math.min(perFile, rows - from) }, (_, i) => entryOf(lines, from + i))
    const file = await writeFile(objects, network, run)
    const loaded = await readManifest(objects, 'network', TOPIC, 0)
    const progress = { nextOffset: file.to, highestOrigin: file.to - 1 }
    await commit(objects, loaded, { files: [file], progress })
  }
}

function entryOf(lines: readonly string[], offset: number): Entry {
  const parsed = network.parse(Buffer.from(lines[offset % lines.length] ?? ''))
  if (!parsed.ok) throw new Error(`line ${offset % lines.length}: ${parsed.reason}`)
  const time = START_MS + Math.floor(offset / 10_000) * 1_000
  const head = { site: 'local', topic: TOPIC, partition: 0, offset, appendTime: time, eventTime: time }
  const scored = { score: Math.round(Math.sin(offset) ** 2 * 1e6) / 1e6, threshold: 0.7, model: 'v1' }
  return { ...head, outcome: 'ok', ...scored, value: network.enrich(parsed.value) }
}

async function measure(objects: ObjectStore) {
  const { files, rows, sizeBytes } = manifestTotal(
    (await readManifest(objects, 'network', TOPIC, 0)).manifest,
  )
  const started = process.cpuUsage()
  let read = 0
  for await (const values of masterValues({ objects }, network, { fields: ['service', 'src_bytes'] }))
    read += values.length
  if (read !== rows) throw new Error(`read ${read} of ${rows} rows`)
  const readTwoFieldsRowsPerCpuS = Math.round(rows / (cpuUs(started) / 1e6))
  return { files, bytesPerRow: +(sizeBytes / rows).toFixed(1), readTwoFieldsRowsPerCpuS }
}

function cpuUs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

await main()
