/**
 * Small items under (partition key, sort key), with conditional writes: DynamoDB, or SQLite on one machine.
 *
 * Contract, proven by test/contracts/keyed-store.ts on every implementation:
 * - Every read is strongly consistent. A write is durable when it resolves, and atomic: whole or not at all.
 * - `rev` is the caller's own mark on an item. A conditional put is compare-and-set on it; when the condition fails
 *   nothing is written and the item as it stands comes back (docs/exactness.md, rule 5).
 * - A write that rejects may have happened. Callers re-read and go by `rev`.
 * - From `expiresAtS` on an item may vanish at any time and is never returned; for conditions it is absent.
 * - Keys are not empty; in UTF-8 a `pk` has at most 2048 bytes and an `sk` 1024. Others reject with BAD_KEY.
 * - Nothing may be called after `close`, but for `close` itself, which then does nothing.
 */
export interface KeyedStore {
  /** The largest `data` of an item. Larger ones are rejected, curable: false. */
  readonly maxItemBytes: number
  get(pk: string, sk: string): Promise<Item | undefined>
  put(item: Item, condition: Condition): Promise<PutResult>
  /**
   * All puts or none: at most 100 and 4 MB, no two for the same key, else it rejects with a RangeError. `failed` lists the
   * indexes whose condition did not hold.
   */
  transact(puts: readonly ConditionalPut[]): Promise<TransactResult>
  /** Items of one partition key in ascending order of sort key (by UTF-8 bytes), page by page as they are consumed. */
  query(pk: string, range?: QueryRange): AsyncIterable<Item>
  /** Deletes the item where `rev` still matches (or whatever is there, with 'any'). True where nothing stands now. */
  delete(pk: string, sk: string, condition: Condition): Promise<boolean>
  close(): Promise<void>
}

export interface Item {
  readonly pk: string
  readonly sk: string
  readonly rev: string
  readonly data: Uint8Array
  /** Unix time in seconds. */
  readonly expiresAtS?: number
}

/** 'absent': no such item may stand. `{ rev }`: it must stand with this rev. 'any': always. */
export type Condition = 'any' | 'absent' | { readonly rev: string }

export interface ConditionalPut {
  readonly item: Item
  readonly condition: Condition
}

export type PutResult = { readonly ok: true } | { readonly ok: false; readonly current: Item | undefined }

export type TransactResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly failed: readonly number[] }

/** Sort keys `from` <= sk < `to`. */
export interface QueryRange {
  readonly from?: string
  readonly to?: string
  readonly descending?: boolean
  readonly limit?: number
}
