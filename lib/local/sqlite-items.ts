import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Item } from '../ports/keyed-store.ts'

/** A page of a query ends at whichever comes first. */
const PAGE_ITEMS_MAX = 256
const PAGE_BYTES_MAX = 1024 * 1024
const SWEEP_ITEMS_MAX = 1000

// A table with a rowid: items of hundreds of kilobytes would spoil the fan-out of one ordered by key. SQLite compares
// text by its UTF-8 bytes, which is the order that queries promise.
export const ITEMS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS items (
    pk TEXT NOT NULL, sk TEXT NOT NULL, rev TEXT NOT NULL, data BLOB NOT NULL, expires_at_s INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS items_by_key ON items (pk, sk);
  CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires_at_s) WHERE expires_at_s IS NOT NULL`

const LIVE = '(expires_at_s IS NULL OR expires_at_s > :nowS)'
const COLUMNS = 'pk, sk, rev, data, expires_at_s AS expiresAtS'

interface Row extends Omit<Item, 'expiresAtS'> {
  readonly expiresAtS: number | null
}

/** Sort keys `from` <= sk < `to`. */
export interface PageRange {
  readonly from: string
  readonly to: string | undefined
  readonly descending: boolean
  readonly limit: number
}

/** The table of items: single statements, without conditions. What has expired at `nowS` is not seen. */
export class SqliteItems {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get(pk: string, sk: string, nowS: number): Item | undefined {
    const sql = `SELECT ${COLUMNS} FROM items WHERE pk = :pk AND sk = :sk AND ${LIVE}`
    const row = this.#statement(sql).get({ pk, sk, nowS })
    return row === undefined ? undefined : itemOf(row as unknown as Row)
  }

  /** Without the data, which may be large. */
  rev(pk: string, sk: string, nowS: number): string | undefined {
    const sql = `SELECT rev FROM items WHERE pk = :pk AND sk = :sk AND ${LIVE}`
    return (this.#statement(sql).get({ pk, sk, nowS }) as { rev: string } | undefined)?.rev
  }

  put({ pk, sk, rev, data, expiresAtS }: Item): void {
    const sql = `INSERT INTO items (pk, sk, rev, data, expires_at_s) VALUES (:pk, :sk, :rev, :data, :expiresAtS)
      ON CONFLICT (pk, sk) DO UPDATE SET rev = excluded.rev, data = excluded.data, expires_at_s = excluded.expires_at_s`
    this.#statement(sql).run({ pk, sk, rev, data, expiresAtS: expiresAtS ?? null })
  }

  delete(pk: string, sk: string): void {
    this.#statement('DELETE FROM items WHERE pk = :pk AND sk = :sk').run({ pk, sk })
  }

  /** The first items of a range; none only where there is none. */
  page(pk: string, { from, to, descending, limit }: PageRange, nowS: number): Item[] {
    const sql = `SELECT ${COLUMNS} FROM items
      WHERE pk = :pk AND sk >= :from ${to === undefined ? '' : 'AND sk < :to'} AND ${LIVE}
      ORDER BY sk ${descending ? 'DESC' : 'ASC'} LIMIT :limit`
    const parameters: Record<string, SQLInputValue> = {
      pk,
      from,
      nowS,
      limit: Math.min(limit, PAGE_ITEMS_MAX),
    }
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

  /** Deletes some of what has expired. */
  sweep(nowS: number): void {
    const sql = `DELETE FROM items WHERE rowid IN
      (SELECT rowid FROM items WHERE expires_at_s <= :nowS ORDER BY expires_at_s LIMIT ${SWEEP_ITEMS_MAX})`
    this.#statement(sql).run({ nowS })
  }

  #statement(sql: string): StatementSync {
    const prepared = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, prepared)
    return prepared
  }
}

function itemOf({ expiresAtS, ...item }: Row): Item {
  return expiresAtS === null ? item : { ...item, expiresAtS }
}
