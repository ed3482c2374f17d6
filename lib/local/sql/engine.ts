import type { DuckDBConnection, DuckDBResultReader } from '@duckdb/node-api'
import { plainCell } from './plain.ts'

/** A statement that DuckDB or Weir refuses; the message is for whoever wrote it. */
export class SqlError extends Error {
  override readonly name = 'SqlError'
}

export interface SqlOptions {
  /** Statements that make the views, run before everything is locked. */
  readonly setUp: readonly string[]
  /** Files that the views read: nothing else on this machine can be. */
  readonly paths: readonly string[]
  /** Where DuckDB may put what does not fit into memory. */
  readonly spillDir: string
  readonly rowsMax: number
  /** Percent, 0 to 100. */
  readonly onProgress?: (percent: number) => void
  readonly signal?: AbortSignal
}

export interface SqlAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly unknown[])[]
  /** There were more than `rowsMax`. */
  readonly truncated: boolean
}

const MEMORY_MAX = '1GB'
const PROGRESS_EVERY_MS = 200
const INTERRUPT_EVERY_MS = 20

/**
 * Runs one statement that only reads. DuckDB has no access to anything but the named files: no other file, no network, no
 * extension. Rejects with a SqlError for what the statement does wrong.
 */
export async function runSql(sql: string, options: SqlOptions): Promise<SqlAnswer> {
  // Here and not above: 60 MB that no other command, and no Lambda bundle, is to load.
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: MEMORY_MAX,
    temp_directory: options.spillDir,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  let stopping: NodeJS.Timeout | undefined
  // Again and again: between two statements there is nothing to interrupt.
  const interrupt = () => {
    connection.interrupt()
    stopping = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS)
  }
  options.signal?.addEventListener('abort', interrupt)
  const watch = watchProgress(connection, options)
  try {
    options.signal?.throwIfAborted()
    await prepare(connection, options)
    return await answerOf(connection, sql, options.rowsMax)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error instanceof SqlError ? error : new SqlError(messageOf(error))
  } finally {
    clearInterval(watch)
    clearInterval(stopping)
    options.signal?.removeEventListener('abort', interrupt)
    connection.closeSync()
    instance.closeSync()
  }
}

async function prepare(connection: DuckDBConnection, { setUp, paths, spillDir }: SqlOptions): Promise<void> {
  await connection.run("SET TimeZone = 'UTC'")
  await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false')
  for (const statement of setUp) await connection.run(statement)
  const list = (texts: readonly string[]) =>
    `[${texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(', ')}]`
  await connection.run(`SET allowed_paths = ${list(paths)}`)
  await connection.run(`SET allowed_directories = ${list([spillDir])}`)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

async function answerOf(connection: DuckDBConnection, sql: string, rowsMax: number): Promise<SqlAnswer> {
  const { JSDuckDBValueConverter, StatementType } = await import('@duckdb/node-api')
  const statements = await connection.extractStatements(sql)
  if (statements.count !== 1)
    throw new SqlError(`one statement at a time, please; these are ${statements.count}`)
  const statement = await statements.prepare(0)
  const { statementType } = statement
  if (statementType !== StatementType.SELECT && statementType !== StatementType.EXPLAIN)
    throw new SqlError(
      'the master is only read here: select, with ..., describe, show and explain are what there is',
    )
  const reader = await statement.streamAndReadUntil(rowsMax + 1)
  const columns = columnsOf(reader)
  const rows = reader.convertRows(JSDuckDBValueConverter)
  return {
    columns,
    rows: rows.slice(0, rowsMax).map((row) => row.map((cell, i) => plainCell(cell, columns[i]?.type ?? ''))),
    truncated: rows.length > rowsMax,
  }
}

function columnsOf(reader: DuckDBResultReader): SqlAnswer['columns'] {
  const names = reader.deduplicatedColumnNames()
  return reader.columnTypes().map((type, i) => ({ name: names[i] ?? '', type: type.alias ?? String(type) }))
}

function watchProgress(connection: DuckDBConnection, { onProgress }: SqlOptions): NodeJS.Timeout | undefined {
  if (onProgress === undefined) return undefined
  return setInterval(() => onProgress(Math.max(0, connection.progress.percentage)), PROGRESS_EVERY_MS)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
