import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Clock } from '../ports/clock.ts'
import { inTransaction, openSqliteFile, whenFree } from './sqlite-file.ts'

const BUSY_TIMEOUT_MS = 10_000
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS stamp (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), last_us INTEGER NOT NULL) STRICT;
  INSERT OR IGNORE INTO stamp VALUES (1, 0)`
const ADVANCE = 'UPDATE stamp SET last_us = max(last_us + 1, :nowUs) RETURNING last_us AS stampUs'

/**
 * Lets one process at a time change a folder, and gives each change a stamp: the time in microseconds, or one more than
 * the last stamp where the clock has not moved on. A SQLite file serves as the lock because the operating system
 * releases it however its holder ends.
 */
export class VersionStamps {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #nowMs: () => number
  #advance: StatementSync | undefined

  private constructor(path: string, database: DatabaseSync, clock: Pick<Clock, 'nowMs'>) {
    this.#path = path
    this.#database = database
    this.#nowMs = () => clock.nowMs()
  }

  static async open(path: string, clock: Pick<Clock, 'nowMs'>): Promise<VersionStamps> {
    const options = { busyTimeoutMs: BUSY_TIMEOUT_MS, synchronous: 'NORMAL', schema: SCHEMA } as const
    return new VersionStamps(path, await openSqliteFile(path, options), clock)
  }

  get isOpen(): boolean {
    return this.#database.isOpen
  }

  /** Runs `change` alone among all processes. It must be brief: they wait. */
  exclusively<T>(change: (stampUs: number) => T): Promise<T> {
    return whenFree(this.#path, BUSY_TIMEOUT_MS, () =>
      inTransaction(this.#database, () => change(this.#next())),
    )
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #next(): number {
    this.#advance ??= this.#database.prepare(ADVANCE)
    const row = this.#advance.get({ nowUs: this.#nowMs() * 1000 }) as { stampUs: number }
    return row.stampUs
  }
}
