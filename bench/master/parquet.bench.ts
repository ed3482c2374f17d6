/**
 * Rows per CPU-second of writing and reading master files: `node bench/master/parquet.bench.ts [rows a file]`. The
 * network stream's own fields from the KDD 10 % file, as entries already parsed; the target is 150,000 rows/CPU-s
 * written. Beside it the floor of the stage: parsing the same entries from JSON, timed in the same process.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { okValues } from '../../lib/formats/parquet-entries.ts'
import { readParquet } from '../../lib/formats/parquet-read.ts'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import { type Entry, readEntry, writeEntry } from '../../lib/stream/entry.ts'
import { network } from '../../streams/network.ts'

const FILE = '../shared/data/network/kddcup.data_10_percent.gz'
const ROWS = 200_000
const ROUNDS = 4

async function main(): Promise<void> {
  if (!existsSync(FILE)) return console.error(`no ${FILE}: this bench needs the KDD 10 % file`)
  const lines = gunzipSync(readFileSync(FILE)).toString().split('\n').slice(0, ROWS)
  const texts = lines.map((line, i) => writeEntry(entryOf(line, i)))
  const perFile = Number(process.argv[2] ?? 10_000)
  for (let round = 1; round <= ROUNDS; round++) await run(texts, perFile, round)
}

function entryOf(line: string, offset: number): Entry {
  const parsed = network.parse(Buffer.from(line))
  if (!parsed.ok) throw new Error(`line ${offset + 1}: ${parsed.reason}`)
  const appendTime = 1_700_000_000_000 + Math.floor(offset / 50)
  const head = {
    site: 'local',
    topic: 'network.raw.g1',
    partition: 0,
    offset,
    appendTime,
    eventTime: appendTime,
  }
  const scored = { score: Math.round(Math.sin(offset) ** 2 * 1e6) / 1e6, threshold: 0.7, model: 'v1' }
  return { ...head, outcome: 'ok', ...scored, value: network.enrich(parsed.value) }
}

async function run(texts: readonly string[], perFile: number, round: number): Promise<void> {
  let parseUs = 0
  let writeUs = 0
  let sizeBytes = 0
  const files: Uint8Array[] = []
  for (let i = 0; i < texts.length; i += perFile) {
    const parseStart = process.cpuUsage()
    const entries = texts.slice(i, i + perFile).map(readEntry)
    parseUs += cpuUs(parseStart)
    const writeStart = process.cpuUsage()
    const bytes = writeParquet(network.columns, entries)
    writeUs += cpuUs(writeStart)
    sizeBytes += bytes.length
    files.push(bytes)
  }
  const rate = (us: number) => Math.round((texts.length / us) * 1e6)
  const read = await readAll(files)
  console.log(
    JSON.stringify({
      round,
      columns: network.columns.length,
      rowsPerFile: perFile,
      writeRowsPerCpuS: rate(writeUs),
      bytesPerRow: Number((sizeBytes / texts.length).toFixed(1)),
      parseJsonRowsPerCpuS: rate(parseUs),
      readAllRowsPerCpuS: rate(read.allUs),
      readSixFieldsRowsPerCpuS: rate(read.sixUs),
    }),
  )
}

async function readAll(files: readonly Uint8Array[]): Promise<{ allUs: number; sixUs: number }> {
  const six = ['service', 'flag', 'protocol_type', 'src_bytes', 'dst_bytes', 'label']
  const allStart = process.cpuUsage()
  for (const bytes of files) await values(bytes, undefined)
  const allUs = cpuUs(allStart)
  const sixStart = process.cpuUsage()
  for (const bytes of files) await values(bytes, six)
  return { allUs, sixUs: cpuUs(sixStart) }
}

async function values(bytes: Uint8Array, fields: readonly string[] | undefined): Promise<number> {
  const copy = Uint8Array.from(bytes).buffer
  const file = { byteLength: copy.byteLength, slice: (from: number, to?: number) => copy.slice(from, to) }
  let rows = 0
  for await (const chunk of readParquet(file, { fields, envelope: ['weir_outcome'] }))
    rows += okValues(chunk, fields).length
  return rows
}

function cpuUs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

await main()
