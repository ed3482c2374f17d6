/**
 * Replays real files through all of Weir and holds the totals of its views against DuckDB's, which reads the files with
 * readers of its own: `npm run totals -- [STREAM...] [--files DIR]`. Prints a line a view; exits 1 where a total differs.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { TOTALS, type ViewTotals } from './files.ts'

const WEIR = join(import.meta.dirname, '../../bin/weir.ts')
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024
const run = promisify(execFile)

/** Figures as text, by key. */
type Totals = ReadonlyMap<string, string>

interface Replayed {
  readonly recordsIn: number
  readonly deadLettered: number
  readonly dropped: number
  readonly archived: number
  readonly counted: number
  readonly recordsPerSecond: number
}

async function weir<T>(args: readonly string[]): Promise<T> {
  const { stdout } = await run(process.execPath, [WEIR, ...args, '--json'], { maxBuffer: OUTPUT_BYTES_MAX })
  return JSON.parse(stdout) as T
}

async function weirTotals(stream: string, { view, figures }: ViewTotals, data: string): Promise<Totals> {
  const { rows } = await weir<{ rows: readonly Record<string, unknown>[] }>(
    ['query', `${stream}.${view}`, '--data', data], //
  )
  return new Map(rows.map((row) => [String(row.key), figures.map((name) => Number(row[name])).join(' ')]))
}

async function duckDbTotals({ sql, figures }: ViewTotals, files: string): Promise<Totals> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const answer = await connection.runAndReadAll(sql.replaceAll('{dir}', files))
    const rows = answer.getRowObjectsJson()
    return new Map(rows.map((row) => [String(row.key), figures.map((name) => Number(row[name])).join(' ')]))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function differences(ours: Totals, theirs: Totals): number {
  const keys = new Set([...ours.keys(), ...theirs.keys()])
  return [...keys].filter((key) => ours.get(key) !== theirs.get(key)).length
}

/** Of one figure over all keys. */
function sum(totals: Totals, index: number): number {
  return [...totals.values()].reduce((all, figures) => all + Number(figures.split(' ')[index]), 0)
}

async function checkStream(stream: string, files: string): Promise<boolean> {
  const { sources, views } = TOTALS[stream] ?? { sources: [], views: [] }
  const paths = sources.map((source) => join(files, source))
  const missing = paths.filter((path) => !existsSync(path))
  if (missing.length > 0) {
    console.log(`${stream}: skipped, for there is no ${missing.join(', ')}`)
    return true
  }
  const data = await mkdtemp(join(tmpdir(), `weir-totals-${stream}-`))
  try {
    const replayed = await weir<Replayed>(['replay', stream, ...paths, '--data', data])
    const { recordsIn, archived, counted, deadLettered, dropped, recordsPerSecond } = replayed
    console.log(
      `${stream}: ${recordsIn} records in, ${archived} in the master, ${counted} counted, ${dropped} dropped by rule, ${deadLettered} dead letters, ${recordsPerSecond}/s`,
    )
    let same = recordsIn === archived && recordsIn === counted
    for (const view of views) {
      const [ours, theirs] = await Promise.all([weirTotals(stream, view, data), duckDbTotals(view, files)])
      const different = differences(ours, theirs)
      const figures = view.figures.map((name, i) => `${name} ${sum(ours, i)} = ${sum(theirs, i)}`)
      const verdict = different === 0 ? 'equal in every key' : `DIFFERENT in ${different} keys`
      console.log(`  ${view.view}: ${ours.size} keys, ${figures.join(', ')}: ${verdict}`)
      same &&= different === 0
    }
    const { ok } = await weir<{ readonly ok: boolean }>(['verify', stream, '--data', data])
    console.log(`  weir verify: ${ok ? 'every record once' : 'FAILED'}`)
    return same && ok
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: 'string', default: join(import.meta.dirname, '../../../shared/data') },
    help: { type: 'boolean', short: 'h' },
  },
})
const unknown = positionals.filter((stream) => !Object.hasOwn(TOTALS, stream))
if (values.help === true || unknown.length > 0) {
  console.log(`npm run totals -- [${Object.keys(TOTALS).join('|')} ...] [--files DIR]`)
  process.exit(values.help === true ? 0 : 2)
}
let ok = true
for (const stream of positionals.length > 0 ? positionals : Object.keys(TOTALS))
  ok = (await checkStream(stream, values.files)) && ok
process.exitCode = ok ? 0 : 1
