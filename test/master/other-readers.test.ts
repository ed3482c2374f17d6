import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSource, ParquetMerge } from '../../lib/formats/parquet-merge.ts'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import { bytesFile } from '../../lib/master/object-file.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { anyEntries, COLUMNS } from './entries.ts'
import { POLARS, PYARROW } from './readers/python.ts'
import { parsedRow, type Row, rowOf } from './readers/rows.ts'
import { parquetJava, pythonWithReaders } from './readers/tools.ts'

/**
 * That programs of others read master files, those that archive writes and those that compaction makes, as they are
 * meant: every column, nulls, unicode, 64-bit integers, times, bytes. DuckDB always; pyarrow, polars and parquet-java
 * (which Spark, Trino and Athena read by) where they have been fetched: WEIR_READERS=1.
 */
const run = promisify(execFile)
const SEED = Number(process.env.WEIR_SEED ?? Date.now() % 1e9)
const python = await pythonWithReaders()
const jars = await parquetJava()
const dir = mkdtempSync(join(tmpdir(), 'weir-parquet-'))
const archived = join(dir, 'archived.parquet')
const compacted = join(dir, 'compacted.parquet')
let entries: readonly Entry[] = []

beforeAll(async () => {
  const batches = fc.sample(anyEntries(60), { numRuns: 40, seed: SEED })
  entries = batches.flat().map((entry, offset) => ({ ...entry, offset }))
  writeFileSync(archived, writeParquet(COLUMNS, entries))
  const merge = new ParquetMerge(COLUMNS)
  for (let from = 0; from < entries.length; from += 100) {
    const part = writeParquet(COLUMNS, entries.slice(from, from + 100))
    await merge.add(await openSource(bytesFile(part)))
  }
  writeFileSync(compacted, merge.finish())
})
afterAll(() => rmSync(dir, { recursive: true }))

async function printed(command: string, ...args: string[]): Promise<readonly Row[]> {
  const { stdout } = await run(command, args, { maxBuffer: 1e9 })
  return JSON.parse(stdout) as Row[]
}

async function duckdb(path: string): Promise<readonly Row[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const source = `read_parquet('${path}')`
    const described = await connection.runAndReadAll(`describe select * from ${source}`)
    const types = Object.fromEntries(described.getRows().map(([name, type]) => [name, type]))
    expect(types).toMatchObject({ weir_append_time: 'TIMESTAMP WITH TIME ZONE', weir_offset: 'BIGINT' })
    const times = ['weir_append_time', 'weir_event_time'].map((name) => `epoch_ms(${name}) as ${name}`)
    const raw = 'base64(weir_raw) as weir_raw'
    // Its client for Node eats a byte order mark at the start of a text.
    const texts = Object.keys(types).filter((name) => types[name] === 'VARCHAR')
    const bytes = texts.map((name) => `base64(encode("${name}")) as "${name}"`)
    const rows = await connection.runAndReadAll(
      `select * replace (${[...times, raw, ...bytes].join(', ')}) from ${source} order by weir_offset`,
    )
    const plain = (name: string, cell: unknown) => {
      if (typeof cell === 'bigint') return Number(cell)
      return texts.includes(name) && typeof cell === 'string' ? Buffer.from(cell, 'base64').toString() : cell
    }
    return rows
      .getRowObjectsJS()
      .map((row) => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, plain(name, cell)])))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

const READERS: readonly [name: string, missing: boolean, read: (path: string) => Promise<readonly Row[]>][] =
  [
    ['DuckDB', false, duckdb],
    ['pyarrow', python === undefined, (path) => printed(python ?? '', '-c', PYARROW, path)],
    ['polars', python === undefined, (path) => printed(python ?? '', '-c', POLARS, path)],
    [
      'parquet-java',
      jars === undefined,
      (path) =>
        printed('java', '-cp', `${jars}/*`, join(import.meta.dirname, 'readers/ReadParquet.java'), path),
    ],
  ]

describe.each(READERS)('%s', (_, missing, read) => {
  const why = missing ? ' (skipped: fetch it with WEIR_READERS=1)' : ''
  it.skipIf(missing).each([
    ['archive', archived],
    ['compaction', compacted],
  ])(
    `reads every column of every row that %s has written${why}`,
    async (_by, path) => {
      const rows = await read(path)
      const due = entries.map((entry) => rowOf(COLUMNS, entry))
      expect(rows.length, `seed ${SEED}`).toBe(due.length)
      for (const [i, row] of rows.entries())
        expect(parsedRow(COLUMNS, row), `row ${i}, seed ${SEED}`).toEqual(due[i])
    },
    120_000,
  )
})

it('is told by its statistics what it may skip: DuckDB reads one row group of four for a stretch of time', async () => {
  const path = join(dir, 'large.parquet')
  const head = { site: 's', topic: 't.raw.g1', partition: 0 }
  const many = Array.from({ length: 240_000 }, (_, offset): Entry => {
    const time = 1_700_000_000_000 + offset
    return {
      ...head,
      offset,
      appendTime: time,
      eventTime: time,
      outcome: 'ok',
      value: { text: `t${offset % 7}` },
    }
  })
  writeFileSync(path, writeParquet(COLUMNS, many))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const groups = await connection.runAndReadAll(
    `select count(*) filter (stats_max_value::bigint >= 150000 and stats_min_value::bigint <= 150010), count(*),
       count(*) filter (encodings like '%DICTIONARY%')
     from parquet_metadata('${path}') where path_in_schema = 'weir_offset'
     union all select 0, count(*), count(*) filter (encodings like '%DICTIONARY%')
     from parquet_metadata('${path}') where path_in_schema = 'text'`,
  )
  expect(groups.getRows().map((row) => row.map(Number))).toEqual([
    [1, 4, 0],
    [0, 4, 4],
  ])
  connection.closeSync()
  instance.closeSync()
})
