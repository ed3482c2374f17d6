/**
 * Rows per CPU-second of writing and reading master files: `node bench/master/parquet.bench.ts [rows a file]`.
 * KDD's 42 fields and the five of its enrichment, as entries already parsed; the target is 150,000 rows/CPU-s written.
 * Beside it the floor of the stage: parsing the same entries from JSON, timed in the same process.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { okValues } from '../../lib/formats/parquet-entries.ts'
import { readParquet } from '../../lib/formats/parquet-read.ts'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import type { Column } from '../../lib/stream/columns.ts'
import { type Entry, readEntry, writeEntry } from '../../lib/stream/entry.ts'

const FOLDER = '../shared/data/network'
const ROWS = 200_000
const TEXT = new Set(['protocol_type', 'service', 'flag', 'label'])
const SHARE = /_rate$/
const ADDED = ['total_bytes', 'bytes_ratio', 'error_rate', 'host_share']

async function main(): Promise<void> {
  if (!existsSync(FOLDER)) return console.error(`no ${FOLDER}: this bench needs the KDD 10 % file`)
  const names = readFileSync(`${FOLDER}/kddcup.names`, 'utf8').split('\n').slice(1).filter(Boolean)
  const fields = [...names.map((line) => line.split(':')[0] ?? ''), 'label', 'weekday']
  const columns = [...fields, ...ADDED].map((name): Column => ({ name, kind: kindOf(name), optional: false }))
  const lines = gunzipSync(readFileSync(`${FOLDER}/kddcup.data_10_percent.gz`))
    .toString()
    .split('\n')
  const texts = lines.slice(0, ROWS).map((line, i) => writeEntry(entryOf(fields, line, i)))
  const perFile = Number(process.argv[2] ?? 10_000)
  for (let round = 1; round <= 3; round++) await run(columns, texts, perFile, round)
}

function kindOf(name: string): Column['kind'] {
  if (TEXT.has(name) || name === 'weekday') return 'string'
  return SHARE.test(name) || ADDED.includes(name) ? 'number' : 'integer'
}

function entryOf(fields: readonly string[], line: string, offset: number): Entry {
  const cells = line.split(',')
  const value: Record<string, unknown> = { weekday: 'Monday' }
  fields.forEach((name, i) => {
    const cell = cells[i]
    if (cell !== undefined) value[name] = TEXT.has(name) ? cell : Number(cell)
  })
  const total = Number(value.src_bytes) + Number(value.dst_bytes)
  const added = { total_bytes: total, bytes_ratio: Number(value.src_bytes) / (total + 1) }
  Object.assign(value, added, { error_rate: Number(value.serror_rate), host_share: offset / ROWS })
  const appendTime = 1_700_000_000_000 + Math.floor(offset / 50)
  const head = { site: 'local', topic: 'network.raw.g1', partition: 0, offset }
  const scored = { score: Math.sin(offset) ** 2, threshold: 0.7, model: 'v1' }
  return { ...head, appendTime, eventTime: appendTime, outcome: 'ok', ...scored, value }
}

async function run(
  columns: readonly Column[],
  texts: readonly string[],
  perFile: number,
  round: number,
): Promise<void> {
  let parseUs = 0
  let writeUs = 0
  let sizeBytes = 0
  const files: Uint8Array[] = []
  for (let i = 0; i < texts.length; i += perFile) {
    const parseStart = process.cpuUsage()
    const entries = texts.slice(i, i + perFile).map(readEntry)
    parseUs += cpuUs(parseStart)
    const writeStart = process.cpuUsage()
    const bytes = writeParquet(columns, entries)
    writeUs += cpuUs(writeStart)
    sizeBytes += bytes.length
    files.push(bytes)
  }
  const rate = (us: number) => Math.round((texts.length / us) * 1e6)
  const read = await readAll(files)
  console.log(
    JSON.stringify({
      round,
      columns: columns.length,
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
