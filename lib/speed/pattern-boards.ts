import { PortError } from '../ports/errors.ts'
import type { BoardHead } from '../state/board-body.ts'
import { type BoardKey, type BoardStores, readHeads, sortKey } from '../state/boards.ts'
import type { PartCache } from '../state/part-cache.ts'
import { mapAtOnce } from '../stream/at-once.ts'
import type { Board } from '../views/board.ts'
import type { States, View } from '../views/view.ts'

/** What a view has of a key in the slot that begins at `slot`; undefined where the key is not in it. */
export type KeyInSlot = (slot: number, key: string) => States | undefined

const TRIES_MAX = 20
/** Above either, the slots used longest ago are let go. */
const SLOTS_MAX = 4_096
const KEYS_MAX = 50_000
/** So many slots that are not asked for are read rather than asking twice: their boards take less than a query does. */
const GAP_SLOTS_MAX = 4

/** The heads of one slot's boards, by epoch. */
type Heads = ReadonlyMap<number, BoardHead>

/** Of most slots there are no boards: they share this. */
const NO_HEADS: Heads = new Map()

/**
 * What a run of batches knows of one view's boards on one partition: the heads of the slots it had to do with, so that in the
 * steady state nothing is read but a slot that begins. It holds every record up to the last batch of the run, because nobody
 * else has moved the progress meanwhile (patterns.ts sees to that): of a board that another writer has put since it may lack
 * records, but only such as come again.
 */
export class PatternBoards {
  readonly #stores: BoardStores
  readonly #view: View
  readonly #at: Pick<BoardKey, 'topic' | 'partition'>
  readonly #parts: PartCache
  readonly #keysMax: number
  /** Every board of a slot that is in here is known: of most there are none. */
  readonly #slots = new Map<number, Heads>()
  #keys = 0

  constructor(
    stores: BoardStores,
    view: View,
    at: Pick<BoardKey, 'topic' | 'partition'>,
    parts: PartCache,
    keysMax = KEYS_MAX,
  ) {
    this.#stores = stores
    this.#view = view
    this.#at = { topic: at.topic, partition: at.partition }
    this.#parts = parts
    this.#keysMax = keysMax
  }

  /** Takes note of a board that this run has written. */
  wrote({ slot, epoch }: Pick<BoardKey, 'slot' | 'epoch'>, head: BoardHead): void {
    const heads = this.#slots.get(slot)
    if (heads === undefined) return
    this.#keys += weightOf(head) - weightOf(heads.get(epoch))
    this.#slots.set(slot, new Map(heads).set(epoch, head))
  }

  /** A look-up of these keys in these slots. To be called after the batch's boards were written. */
  async load(slots: ReadonlySet<number>, keys: ReadonlySet<string>): Promise<KeyInSlot> {
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      await this.#readHeads(slots)
      const found = await this.#withParts(slots, keys)
      if (found !== undefined) {
        this.#shrink(slots)
        return (slot, key) => merged(this.#view, found.get(slot), key)
      }
    }
    const message = `boards of ${this.#view.id} changed ${TRIES_MAX} times under one read`
    throw new PortError('THROTTLED', message, { curable: true })
  }

  async #readHeads(slots: ReadonlySet<number>): Promise<void> {
    const { slotMs } = this.#view.definition
    const missing = [...slots].filter((slot) => !this.#slots.has(slot)).sort((a, b) => a - b)
    // One after the other, a batch of records that lie far apart in time would wait for each of thousands.
    await mapAtOnce(stretches(missing, slotMs), (stretch) => this.#readStretch(stretch))
  }

  async #readStretch(slots: readonly number[]): Promise<void> {
    const read = new Map<number, Map<number, BoardHead>>()
    const range = {
      from: Math.max(0, slots[0] ?? 0),
      to: (slots.at(-1) ?? 0) + this.#view.definition.slotMs,
      at: this.#at,
    }
    if (range.to > 0)
      for await (const { slot, epoch, head } of readHeads(this.#stores.keyed, this.#view, range))
        read.set(slot, (read.get(slot) ?? new Map()).set(epoch, head))
    for (const slot of slots) {
      const heads = read.get(slot) ?? NO_HEADS
      this.#slots.set(slot, heads)
      for (const head of heads.values()) this.#keys += weightOf(head)
    }
  }

  /** The boards of each slot that has any; undefined where a part was gone, and its slot is to be read anew. */
  async #withParts(
    slots: ReadonlySet<number>,
    keys: ReadonlySet<string>,
  ): Promise<ReadonlyMap<number, readonly Board[]> | undefined> {
    const found = new Map<number, readonly Board[]>()
    for (const slot of slots) {
      const boards: Board[] = []
      for (const [epoch, { parts, tail }] of this.#slots.get(slot) ?? []) {
        const sk = sortKey({ slot, epoch, ...this.#at })
        for (const part of parts) {
          const board = await this.#parts.read(this.#view, sk, part, keys)
          if (board === undefined) {
            this.#forget(slot)
            return undefined
          }
          boards.push(board)
        }
        boards.push(tail)
      }
      if (boards.length > 0) found.set(slot, boards)
    }
    return found
  }

  #shrink(used: ReadonlySet<number>): void {
    for (const slot of used) {
      const heads = this.#slots.get(slot)
      // To the end: the slots at the beginning are those used longest ago.
      if (heads !== undefined && this.#slots.delete(slot)) this.#slots.set(slot, heads)
    }
    for (const slot of this.#slots.keys()) {
      if ((this.#slots.size <= SLOTS_MAX && this.#keys <= this.#keysMax) || used.has(slot)) return
      this.#forget(slot)
    }
  }

  #forget(slot: number): void {
    for (const head of this.#slots.get(slot)?.values() ?? []) this.#keys -= weightOf(head)
    this.#slots.delete(slot)
  }
}

function weightOf(head: BoardHead | undefined): number {
  return head === undefined ? 0 : head.tail.keys.size + head.parts.length + 16
}

function merged(view: View, boards: readonly Board[] | undefined, key: string): States | undefined {
  let states: States | undefined
  for (const { keys } of boards ?? []) {
    const more = keys.get(key)
    if (more !== undefined) states = states === undefined ? more : view.merge(states, more)
  }
  return states
}

/** Slots in ascending order, cut wherever more than a few are missing between two: each to be read by one query. */
function stretches(slots: readonly number[], slotMs: number): readonly (readonly number[])[] {
  const found: number[][] = []
  let last = Number.NEGATIVE_INFINITY
  for (const slot of slots) {
    if (slot - last > (GAP_SLOTS_MAX + 1) * slotMs) found.push([])
    found.at(-1)?.push(slot)
    last = slot
  }
  return found
}
