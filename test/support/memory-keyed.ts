import { PortError } from '../../lib/ports/errors.ts'
import type {
  Condition,
  ConditionalPut,
  Item,
  KeyedStore,
  PutResult,
  QueryRange,
  TransactResult,
} from '../../lib/ports/keyed-store.ts'

/** Items in memory, for tests that put thousands of schedules through a stage; passes the port's contract suite. */
export class MemoryKeyed implements KeyedStore {
  readonly maxItemBytes: number
  readonly items = new Map<string, Item>()

  constructor(maxItemBytes = 390_000) {
    this.maxItemBytes = maxItemBytes
  }

  async get(pk: string, sk: string): Promise<Item | undefined> {
    return this.items.get(keyOf(pk, sk))
  }

  async put(item: Item, condition: Condition): Promise<PutResult> {
    this.#checkSize(item)
    const current = this.items.get(keyOf(item.pk, item.sk))
    if (!holds(current, condition)) return { ok: false, current }
    this.#set(item)
    return { ok: true }
  }

  async transact(puts: readonly ConditionalPut[]): Promise<TransactResult> {
    for (const { item } of puts) this.#checkSize(item)
    const failed = puts.flatMap(({ item, condition }, i) =>
      holds(this.items.get(keyOf(item.pk, item.sk)), condition) ? [] : [i],
    )
    if (failed.length > 0) return { ok: false, failed }
    for (const { item } of puts) this.#set(item)
    return { ok: true }
  }

  async *query(pk: string, range: QueryRange = {}): AsyncIterable<Item> {
    const { from, to, descending, limit } = range
    const found = [...this.items.values()]
      .filter(
        (item) =>
          item.pk === pk && (from === undefined || item.sk >= from) && (to === undefined || item.sk < to),
      )
      .sort((a, b) => (a.sk < b.sk ? -1 : 1))
    if (descending === true) found.reverse()
    yield* found.slice(0, limit)
  }

  async delete(pk: string, sk: string, condition: Condition): Promise<boolean> {
    const current = this.items.get(keyOf(pk, sk))
    if (current === undefined) return true
    if (!holds(current, condition)) return false
    return this.items.delete(keyOf(pk, sk))
  }

  async close(): Promise<void> {}

  #checkSize({ pk, sk, data }: Item): void {
    if (data.length > this.maxItemBytes)
      throw new PortError('ITEM_TOO_LARGE', `${pk} ${sk}: ${data.length} bytes`, { curable: false })
  }

  #set(item: Item): void {
    this.items.set(keyOf(item.pk, item.sk), { ...item, data: Uint8Array.from(item.data) })
  }
}

function keyOf(pk: string, sk: string): string {
  return `${pk}\u0000${sk}`
}

function holds(current: Item | undefined, condition: Condition): boolean {
  if (condition === 'any') return true
  if (condition === 'absent') return current === undefined
  return current?.rev === condition.rev
}
