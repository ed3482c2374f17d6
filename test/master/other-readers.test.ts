import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { anyEntries, COLUMNS } from './entries.ts'

/**
 * That others read master files as they are meant. They run where Python has the library: `pip install pyarrow duckdb`,
 * WEIR_PYTHON names another interpreter than python3.
 */
const PYTHON = process.env.WEIR_PYTHON ?? 'python3'
const has = (library: string) => spawnSync(PYTHON, ['-c', `import ${library}`]).status === 0

/** Every row as JSON: bytes as base64, times as ms. */
const PYARROW = `
import sys, json, base64, pyarrow.parquet as pq, pyarrow.compute as pc
table = pq.read_table(sys.argv[1])
for name in ('weir_append_time', 'weir_event_time'):
    column = table[name]
    assert str(column.type) == 'timestamp[ms, tz=UTC]', column.type
    table = table.set_column(table.schema.get_field_index(name), name, column.cast('int64'))
plain = lambda x: base64.b64encode(x).decode() if isinstance(x, bytes) else x
print(json.dumps([{k: plain(v) for k, v in row.items()} for row in table.to_pylist()]))
`
const DUCKDB = `
import sys, json, base64, duckdb
source = f"read_parquet('{sys.argv[1]}')"
types = dict(duckdb.sql(f"select column_name, column_type from (describe select * from {source})").fetchall())
assert types['weir_append_time'] == 'TIMESTAMP WITH TIME ZONE', types['weir_append_time']
rows = duckdb.sql(f"select * replace (epoch_ms(weir_append_time) as weir_append_time, epoch_ms(weir_event_time) as weir_event_time) from {source} order by weir_offset")
names = rows.columns
plain = lambda x: base64.b64encode(x).decode() if isinstance(x, (bytes, bytearray)) else x
print(json.dumps([dict(zip(names, map(plain, row))) for row in rows.fetchall()]))
`

/** What the columns of an entry are to read as. */
function rowOf(entry: Entry): Record<string, unknown> {
  const row: Record<string, unknown> = {
    weir_site: entry.site,
    weir_offset: entry.offset,
    weir_append_time: entry.appendTime,
    weir_event_time: entry.eventTime,
    weir_outcome: entry.outcome,
    weir_score: entry.outcome === 'ok' ? (entry.score ?? null) : null,
    weir_severity: entry.outcome === 'ok' ? (entry.severity ?? null) : null,
    weir_rule: entry.outcome === 'drop' ? entry.rule : null,
    weir_raw: entry.outcome === 'dead' && typeof entry.raw === 'string' ? entry.raw : null,
  }
  const value = entry.outcome === 'dead' ? {} : entry.value
  const { text, integer, flag } = value
  row.text = typeof text === 'string' && text.isWellFormed() ? text : null
  row.integer = Number.isSafeInteger(integer) ? integer : null
  row.flag = typeof flag === 'boolean' ? flag : null
  return row
}

describe.each([
  ['pyarrow', PYARROW],
  ['duckdb', DUCKDB],
])('%s', (library, script) => {
  it.skipIf(!has(library))(
    'reads every column as it was written (skipped without it: pip install)',
    () => {
      const dir = mkdtempSync(join(tmpdir(), 'weir-parquet-'))
      const path = join(dir, 'master.parquet')
      try {
        fc.assert(
          fc.property(anyEntries(60), (entries) => {
            writeFileSync(path, writeParquet(COLUMNS, entries))
            const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', script, path], {
              encoding: 'utf8',
              maxBuffer: 1e9,
            })
            expect(stderr).toBe('')
            expect(status).toBe(0)
            const rows = JSON.parse(stdout) as Record<string, unknown>[]
            expect(rows.map((row, i) => pick(row, rowOf(entries[i] as Entry)))).toEqual(entries.map(rowOf))
          }),
          { numRuns: 12 },
        )
      } finally {
        rmSync(dir, { recursive: true })
      }
    },
    120_000,
  )
})

/** The columns that `like` has. */
function pick(row: Record<string, unknown>, like: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]))
}
