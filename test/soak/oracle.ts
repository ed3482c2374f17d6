import { DuckDBInstance } from '@duckdb/node-api'

const COLUMNS = `{ id: 'BIGINT', "user": 'VARCHAR', tags: 'VARCHAR[]', amount: 'DECIMAL(18,2)', latency: 'BIGINT', ok: 'BOOLEAN', "at": 'BIGINT' }`

/** What DuckDB makes of the source files: rows of a question put to the table `source`. */
export async function oracleRows(
  files: readonly string[],
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const list = files.map((file) => `'${file}'`).join(', ')
    await connection.run(
      `create view source as select * from read_json([${list}], format = 'newline_delimited', columns = ${COLUMNS})`,
    )
    const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson()
    return rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, numeric(name, value)])),
    )
  } finally {
    connection.closeSync()
  }
}

/** DuckDB's JSON gives large integers and decimals as text. */
function numeric(name: string, value: unknown): unknown {
  return name === 'key' || typeof value !== 'string' ? value : Number(value)
}
