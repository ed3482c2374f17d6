import type { Item } from '../ports/keyed-store.ts'
import {
  type BoardStores,
  boardsOfItems,
  placeOfBoard,
  readBoardItems,
  type StoredBoard,
} from '../state/boards.ts'
import { type Progress, readAllProgress } from '../state/progress.ts'
import { enrichedTwin } from '../stream/topic.ts'
import type { View } from '../views/view.ts'
import type { PartitionName } from './recount.ts'

/** Packed boards held at one time. */
const BYTES_MAX = 64 * 1024 * 1024
/** What an item takes beside its data, about. */
const ITEM_BYTES = 300

/** What verification needs of a partition: boards, and the progress of `count`, read before any of them. */
export interface ShelvedPartition {
  readonly progress: Progress | undefined
  boardsOf(view: View): AsyncIterable<StoredBoard>
}

/**
 * The boards of views by partition. A listing gives them by slot, so one for each partition would read all of them as often as
 * there are partitions: here one serves as many partitions as have room together, packed as they are stored; at least one.
 * To be asked in the order of `partitions`. Boards of epochs before `horizonOf` of the view are left out.
 */
export class BoardShelf {
  readonly #stores: BoardStores
  readonly #views: readonly View[]
  readonly #places: readonly string[]
  readonly #partitions: readonly PartitionName[]
  readonly #horizonOf: (view: View) => number
  readonly #bytesMax: number
  #held = new Held(0, BYTES_MAX)

  constructor(
    stores: BoardStores,
    views: readonly View[],
    partitions: readonly PartitionName[],
    horizonOf: (view: View) => number,
    bytesMax = BYTES_MAX,
  ) {
    this.#stores = stores
    this.#views = views
    this.#partitions = partitions
    this.#places = partitions.map(placeOfBoard)
    this.#horizonOf = horizonOf
    this.#bytesMax = bytesMax
  }

  async take(at: PartitionName): Promise<ShelvedPartition> {
    const index = this.#places.indexOf(placeOfBoard(at))
    if (index < 0) throw new RangeError(`${at.topic}-${at.partition} is none of the partitions`)
    if (!this.#held.has(index)) this.#held = await this.#fill(index)
    const items = this.#held.take(index)
    const progress = this.#held.progress.get(this.#places[index] ?? '')
    const stores = this.#stores
    return { progress, boardsOf: (view) => boardsOfItems(stores, view, items.get(view) ?? []) }
  }

  /** From this partition on, those that have room. */
  async #fill(first: number): Promise<Held> {
    const held = new Held(first, this.#bytesMax, this.#places.length)
    // Before the boards: what a later read shows is never behind what an earlier one did.
    for (const topic of new Set(this.#partitions.slice(first).map((one) => one.topic))) {
      const all = await readAllProgress(this.#stores.keyed, 'count', enrichedTwin(topic))
      for (const [partition, progress] of all) held.progress.set(placeOfBoard({ topic, partition }), progress)
    }
    const indexes = new Map(this.#places.map((place, i) => [place, i]))
    for (const view of this.#views) {
      const range = { epochFrom: this.#horizonOf(view) }
      for await (const { place, item } of readBoardItems(this.#stores.keyed, view, range)) {
        const index = indexes.get(place)
        if (index !== undefined && held.has(index)) held.add(index, view, item())
      }
    }
    return held
  }
}

/** Items of the partitions [first, end); `end` falls while there are too many. */
class Held {
  readonly progress = new Map<string, Progress>()
  readonly #first: number
  readonly #bytesMax: number
  readonly #items = new Map<number, Map<View, Item[]>>()
  readonly #sizes = new Map<number, number>()
  #end: number
  #bytes = 0

  constructor(first: number, bytesMax: number, end = 0) {
    this.#first = first
    this.#bytesMax = bytesMax
    this.#end = end
  }

  has(index: number): boolean {
    return this.#first <= index && index < this.#end
  }

  add(index: number, view: View, item: Item): void {
    const own = this.#items.get(index) ?? new Map<View, Item[]>()
    this.#items.set(index, own)
    const some = own.get(view) ?? []
    if (some.push(item) === 1) own.set(view, some)
    const size = ITEM_BYTES + item.data.length
    this.#sizes.set(index, (this.#sizes.get(index) ?? 0) + size)
    this.#bytes += size
    while (this.#bytes > this.#bytesMax && this.#end > this.#first + 1) this.#drop(--this.#end)
  }

  /** Gives a partition's items away. */
  take(index: number): ReadonlyMap<View, readonly Item[]> {
    const items = this.#items.get(index) ?? new Map()
    this.#drop(index)
    return items
  }

  #drop(index: number): void {
    this.#bytes -= this.#sizes.get(index) ?? 0
    this.#sizes.delete(index)
    this.#items.delete(index)
  }
}
