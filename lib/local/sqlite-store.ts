import type { DatabaseSync } from 'node:sqlite'
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
import { ITEMS_SCHEMA, SqliteItems } from './sqlite-items.ts'
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
const SWEEP_EVERY_MS = 60_000

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
  readonly #items: SqliteItems
  #sweptMs = Number.NEGATIVE_INFINITY

  private constructor(
    path: string,
    database: DatabaseSync,
    busyTimeoutMs: number,
    clock: Pick<Clock, 'nowMs'>,
  ) {
    this.#path = path
    this.#database = database
    this.#items = new SqliteItems(database)
    this.#busyTimeoutMs = busyTimeoutMs
    this.#nowMs = () => clock.nowMs()
  }

  /** Makes the file where there is none; its folder must exist. */
  static async open(path: string, options: SqliteStoreOptions = {}): Promise<SqliteStore> {
    const { busyTimeoutMs = BUSY_TIMEOUT_MS, clock = systemClock } = options
    const synchronous = options.fsync === 'always' ? 'FULL' : 'NORMAL'
    const database = await openSqliteFile(path, { busyTimeoutMs, synchronous, schema: ITEMS_SCHEMA })
    return new SqliteStore(path, database, busyTimeoutMs, clock)
  }

  async get(pk: string, sk: string): Promise<Item | undefined> {
    checkKey(pk, sk)
    return this.#attempt(() => this.#items.get(pk, sk, this.#nowS()))
  }

  async put(item: Item, condition: Condition): Promise<PutResult> {
    checkItem(item)
    return this.#write(() => {
      const { pk, sk } = item
      if (!this.#holds(pk, sk, condition))
        return { ok: false, current: this.#items.get(pk, sk, this.#nowS()) }
      this.#items.put(item)
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
      for (const { item } of puts) this.#items.put(item)
      return { ok: true }
    })
  }

  async *query(pk: string, range: QueryRange = {}): AsyncIterable<Item> {
    const descending = range.descending ?? false
    let { from = '', to } = range
    let left = range.limit ?? Number.POSITIVE_INFINITY
    while (left > 0) {
      const page = await this.#attempt(() =>
        this.#items.page(pk, { from, to, descending, limit: left }, this.#nowS()),
      )
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
      const rev = this.#items.rev(pk, sk, this.#nowS())
      if (rev === undefined) return true
      if (!meets(rev, condition)) return false
      this.#items.delete(pk, sk)
      return true
    })
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #holds(pk: string, sk: string, condition: Condition): boolean {
    return condition === 'any' || meets(this.#items.rev(pk, sk, this.#nowS()), condition)
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
    this.#items.sweep(this.#nowS())
  }

  async #attempt<T>(work: () => T): Promise<T> {
    if (!this.#database.isOpen)
      throw new PortError('CLOSED', `${this.#path} has been closed`, { curable: false })
    return whenFree(this.#path, this.#busyTimeoutMs, work)
  }

  #nowS(): number {
    return Math.floor(this.#nowMs() / 1000)
  }
}

function meets(rev: string | undefined, condition: Condition): boolean {
  if (condition === 'any') return true
  return condition === 'absent' ? rev === undefined : rev === condition.rev
}
