import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type {
  Condition,
  ConditionalPut,
  Item,
  KeyedStore,
  PutResult,
  QueryRange,
  TransactResult,
} from '../ports/keyed-store.ts'
import { checkItem, checkKey, checkPuts, ITEM_BYTES_MAX } from './item-limits.ts'
import { inTransaction, openSqliteFile, whenFree } from './sqlite-file.ts'
import { systemClock } from './system-clock.ts'

export interface SqliteStoreOptions {
  /** Says what has expired. */
  readonly clock?: Pick<Clock, 'nowMs'>
  /**
   * What a resolved write survives, besides the end of this process, which it always survives. 'checkpoint' (default): a
   * power cut may take the writes since SQLite's last checkpoint, never a part of one. 'always': a power cut as well.
   */
  readonly fsync?: 'always' | 'checkpoint'
  /** How long a write waits for other processes' writes, default 10 s; then it rejects with TIMEOUT. */
  readonly busyTimeoutMs?: number
}

const BUSY_TIMEOUT_MS = 10_000
/** A page of a query ends at whichever comes first. */
const PAGE_ITEMS_MAX = 256
const PAGE_BYTES_MAX = 1024 * 1024
const SWEEP_EVERY_MS = 60_000
const SWEEP_ITEMS_MAX = 1000

// A table with a rowid: items of hundreds of kilobytes would spoil the fan-out of one ordered by key. SQLite compares
// text by its UTF-8 bytes, which is the order `query` promises.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS items (
    pk TEXT NOT NULL, sk TEXT NOT NULL, rev TEXT NOT NULL, data BLOB NOT NULL, expires_at_s INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS items_by_key ON items (pk, sk);
  CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires_at_s) WHERE expires_at_s IS NOT NULL`

const LIVE = '(expires_at_s IS NULL OR expires_at_s > :nowS)'
const COLUMNS = 'pk, sk, rev, data, expires_at_s AS expiresAtS'

interface Row {
  readonly pk: string
  readonly sk: string
  readonly rev: string
  readonly data: Uint8Array
  readonly expiresAtS: number | null
}

/**
 * A KeyedStore in a SQLite file. Any number of processes may have it open; writes go one at a time among all of them, so
 * a condition and the write it guards are one step.
 */
export class SqliteStore implements KeyedStore {
  readonly maxItemBytes = ITEM_BYTES_MAX
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #busyTimeoutMs: number
  readonly #nowMs: () => number
  readonly #statements = new Map<string, StatementSync>()
  #sweptMs = Number.NEGATIVE_INFINITY

  private constructor(
    path: string,
    database: DatabaseSync,
    busyTimeoutMs: number,
    clock: Pick<Clock, 'nowMs'>,
  ) {
    this.#path = path
    this.#database = database
    this.#busyTimeoutMs = busyTimeoutMs
    this.#nowMs = () => clock.nowMs()
  }

  /** Makes the file where there is none; its folder must exist. */
  static async open(path: string, options: SqliteStoreOptions = {}): Promise<SqliteStore> {
    const { busyTimeoutMs = BUSY_TIMEOUT_MS, clock = systemClock } = options
    const synchronous = options.fsync === 'always' ? 'FULL' : 'NORMAL'
    const database = await openSqliteFile(path, { busyTimeoutMs, synchronous, schema: SCHEMA })
    return new SqliteStore(path, database, busyTimeoutMs, clock)
  }

  async get(pk: string, sk: string): Promise<Item | undefined> {
    checkKey(pk, sk)
    return this.#attempt(() => this.#get(pk, sk))
  }

  async put(item: Item, condition: Condition): Promise<PutResult> {
    checkItem(item)
    return this.#write(() => {
      if (!this.#holds(item.pk, item.sk, condition))
        return { ok: false, current: this.#get(item.pk, item.sk) }
      this.#put(item)
      return { ok: true }
    })
  }

  async transact(puts: readonly ConditionalPut[]): Promise<TransactResult> {
    checkPuts(puts)
    return this.#write(() => {
      const failed = puts.flatMap(({ item: { pk, sk }, condition }, i) =>
        this.#holds(pk, sk, condition) ? [] : [i],
      )
      if (failed.length > 0) return { ok: false, failed }
      for (const { item } of puts) this.#put(item)
      return { ok: true }
    })
  }

  async *query(pk: string, range: QueryRange = {}): AsyncIterable<Item> {
    const descending = range.descending ?? false
    let { from = '', to } = range
    let left = range.limit ?? Number.POSITIVE_INFINITY
    while (left > 0) {
      const page = await this.#attempt(() => this.#page(pk, from, to, descending, left))
      yield* page
      left -= page.length
      const last = page.at(-1)
      if (last === undefined) return
      // The least string above a string is the same with a NUL behind it.
      if (descending) to = last.sk
      else from = `${last.sk}\u0000`
    }
  }

  async delete(pk: string, sk: string, condition: Condition): Promise<boolean> {
    checkKey(pk, sk)
    return this.#write(() => {
      const rev = this.#rev(pk, sk)
      if (rev === undefined) return true
      if (!meets(rev, condition)) return false
      this.#statement('DELETE FROM items WHERE pk = :pk AND sk = :sk').run({ pk, sk })
      return true
    })
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #holds(pk: string, sk: string, condition: Condition): boolean {
    return condition === 'any' || meets(this.#rev(pk, sk), condition)
  }

  /** Without the data: what stands may be large and is wanted only where a condition fails. */
  #rev(pk: string, sk: string): string | undefined {
    const sql = `SELECT rev FROM items WHERE pk = :pk AND sk = :sk AND ${LIVE}`
    const row = this.#statement(sql).get({ pk, sk, nowS: this.#nowS() }) as { rev: string } | undefined
    return row?.rev
  }

  #get(pk: string, sk: string): Item | undefined {
    const sql = `SELECT ${COLUMNS} FROM items WHERE pk = :pk AND sk = :sk AND ${LIVE}`
    const row = this.#statement(sql).get({ pk, sk, nowS: this.#nowS() }) as Row | undefined
    return row === undefined ? undefined : itemOf(row)
  }

  #put({ pk, sk, rev, data, expiresAtS }: Item): void {
    const sql = `INSERT INTO items (pk, sk, rev, data, expires_at_s) VALUES (:pk, :sk, :rev, :data, :expiresAtS)
      ON CONFLICT (pk, sk) DO UPDATE SET rev = excluded.rev, data = excluded.data, expires_at_s = excluded.expires_at_s`
    this.#statement(sql).run({ pk, sk, rev, data, expiresAtS: expiresAtS ?? null })
  }

  #page(pk: string, from: string, to: string | undefined, descending: boolean, limit: number): Item[] {
    const upTo = to === undefined ? '' : 'AND sk < :to'
    const sql = `SELECT ${COLUMNS} FROM items WHERE pk = :pk AND sk >= :from ${upTo} AND ${LIVE}
      ORDER BY sk ${descending ? 'DESC' : 'ASC'} LIMIT :limit`
    const parameters: Record<string, SQLInputValue> = { pk, from, nowS: this.#nowS() }
    parameters.limit = Math.min(limit, PAGE_ITEMS_MAX)
    if (to !== undefined) parameters.to = to
    const page: Item[] = []
    let bytes = 0
    for (const row of this.#statement(sql).iterate(parameters)) {
      const item = itemOf(row as unknown as Row)
      page.push(item)
      bytes += item.data.length
      if (bytes >= PAGE_BYTES_MAX) break
    }
    return page
  }

  #write<T>(work: () => T): Promise<T> {
    return this.#attempt(() =>
      inTransaction(this.#database, () => {
        this.#sweep()
        return work()
      }),
    )
  }

  /** Deletes some of what has expired, now and then: a store is swept by being written. */
  #sweep(): void {
    const nowMs = this.#nowMs()
    if (nowMs - this.#sweptMs < SWEEP_EVERY_MS) return
    this.#sweptMs = nowMs
    const sql = `DELETE FROM items WHERE rowid IN
      (SELECT rowid FROM items WHERE expires_at_s <= :nowS ORDER BY expires_at_s LIMIT ${SWEEP_ITEMS_MAX})`
    this.#statement(sql).run({ nowS: this.#nowS() })
  }

  async #attempt<T>(work: () => T): Promise<T> {
    if (!this.#database.isOpen)
      throw new PortError('CLOSED', `${this.#path} has been closed`, { curable: false })
    return whenFree(this.#path, this.#busyTimeoutMs, work)
  }

  #statement(sql: string): StatementSync {
    const prepared = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, prepared)
    return prepared
  }

  #nowS(): number {
    return Math.floor(this.#nowMs() / 1000)
  }
}

function meets(rev: string | undefined, condition: Condition): boolean {
  if (condition === 'any') return true
  return condition === 'absent' ? rev === undefined : rev === condition.rev
}

function itemOf({ expiresAtS, ...item }: Row): Item {
  return expiresAtS === null ? item : { ...item, expiresAtS }
}
