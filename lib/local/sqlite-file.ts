import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleepMs } from 'node:timers/promises'
import { PortError, type PortErrorCode } from '../ports/errors.ts'

export interface SqliteFileOptions {
  /** How long to wait for other processes. */
  readonly busyTimeoutMs: number
  /** SQLite's `synchronous`: FULL survives a power cut, NORMAL loses nothing to a killed process. */
  readonly synchronous: 'FULL' | 'NORMAL'
  readonly schema: string
}

const BUSY = 5
const BUSY_RETRY_MS = 1

/** Opens a SQLite file in write-ahead mode, for any number of processes at once. */
export async function openSqliteFile(path: string, options: SqliteFileOptions): Promise<DatabaseSync> {
  const database = openDatabase(path)
  try {
    await whenFree(path, options.busyTimeoutMs, () => {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous}`)
      inTransaction(database, () => database.exec(options.schema))
    })
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * The file as it is, made where there is none. Statements that meet another process's lock fail at once: SQLite would
 * wait by putting the whole thread to sleep, up to 100 ms at a time. Throws a PortError where it cannot be opened.
 */
export function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw portErrorOf(error, path)
  }
}

/** Tries `work`, which must do all or nothing, until no other process is in its way. Throws what `portErrorOf` makes. */
export async function whenFree<T>(path: string, busyTimeoutMs: number, work: () => T): Promise<T> {
  for (const giveUpMs = performance.now() + busyTimeoutMs; ; ) {
    try {
      return work()
    } catch (error) {
      if (sqliteCode(error) !== BUSY || performance.now() > giveUpMs) throw portErrorOf(error, path)
      await sleepMs(BUSY_RETRY_MS * (1 + 2 * Math.random()))
    }
  }
}

/** Runs `work` as one write: alone among all processes from its beginning, and whole or not at all. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

const PORT_ERRORS: Readonly<Record<number, readonly [PortErrorCode, curable: boolean, string]>> = {
  3: ['DENIED', false, 'may not be opened'],
  5: ['TIMEOUT', true, 'was held by another process for too long'],
  8: ['DENIED', false, 'may not be written'],
  10: ['UNAVAILABLE', true, 'could not be read or written'],
  11: ['CORRUPT', false, 'is damaged; restore it from a copy, or move the data folder aside and replay'],
  13: ['UNAVAILABLE', true, 'could not grow: the disk is full'],
  14: ['MISCONFIGURED', false, 'could not be opened: its folder must exist and be writable'],
  26: ['CORRUPT', false, 'is no SQLite file'],
}

/** What to throw for an error of SQLite's on this file. Errors of other kinds come back as they are. */
export function portErrorOf(error: unknown, path: string): unknown {
  const known = PORT_ERRORS[sqliteCode(error) ?? 0]
  if (known === undefined) return error
  const [code, curable, what] = known
  const because = error instanceof Error ? ` (${error.message})` : ''
  return new PortError(code, `${path} ${what}${because}`, { curable, cause: error })
}

/** SQLite's primary result code. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  return error.errcode & 0xff
}
