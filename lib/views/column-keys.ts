import type { ViewDefinition } from '../stream/view-definition.ts'
import type { Pairs } from './grouped-rows.ts'
import { SEPARATOR } from './key.ts'
import { keysOfFields, partsOf } from './keys.ts'

/** Numbers up to here stand for two ids: id * IDS + id. */
const IDS = 2 ** 26
/** Keys whose groups of a slot stand in an array; those of later keys stand in a map. */
const LISTED_KEYS = 1024

/**
 * Numbers keys and groups (a key in a slot) in order of appearance. A record's key is found by one look-up a field: texts
 * are put together once for each key, not for each record.
 */
export class ColumnKeys {
  readonly #slotMs: number
  readonly #repeats: boolean
  readonly #keyIds = new Map<string, number>()
  readonly #keys: string[] = []
  readonly #slots = new Map<number, Slot>()
  readonly #of: { readonly key: number; readonly slot: number }[] = []
  /** By field: the text of a cell, numbered. */
  readonly #parts: PartIds[] = []
  /** By number of fields put together, less two: the ids of a first part and the next field's, numbered. */
  readonly #joined: JoinedIds[] = []
  /** Of the whole key as the fields number it, the number of its text: -1 while unknown. */
  readonly #known: number[] = []
  #slot: Slot | undefined

  constructor({ slotMs, repeats }: Pick<ViewDefinition, 'slotMs' | 'repeats'>) {
    this.#slotMs = slotMs
    this.#repeats = repeats === true
  }

  get groups(): number {
    return this.#of.length
  }

  *all(): Generator<{ readonly key: string; readonly slot: number; readonly group: number }> {
    for (const [group, { key, slot }] of this.#of.entries())
      yield { key: this.#keys[key] as string, slot, group }
  }

  /** For the columns of one batch: notes a row's groups in `pairs`. */
  assigner(columns: readonly ArrayLike<unknown>[], pairs: Pairs): (row: number, timeMs: number) => void {
    while (this.#parts.length < columns.length) {
      this.#parts.push(new PartIds())
      this.#joined.push(new JoinedIds())
    }
    return (row, timeMs) => {
      const id = this.#idOf(columns, row)
      if (id === NO_KEY) return
      const slot = this.#slotAt(timeMs)
      if (id >= 0) {
        pairs.push(this.#groupOf(slot, this.#keyOf(id, columns, row)), row)
      } else {
        const values = columns.map((cells) => cells[row])
        for (const key of keysOfFields(values, this.#repeats))
          pairs.push(this.#groupOf(slot, this.#intern(key)), row)
      }
    }
  }

  /** The row's fields as one number; `NO_KEY` where one of them has no part, `MANY_KEYS` where one is an array. */
  #idOf(columns: readonly ArrayLike<unknown>[], row: number): number {
    let id = 0
    for (let f = 0; f < columns.length; f++) {
      const part = (this.#parts[f] as PartIds).idOf((columns[f] as ArrayLike<unknown>)[row])
      if (part < 0) return part
      id = f === 0 ? part : (this.#joined[f - 1] as JoinedIds).idOf(id, part)
    }
    return id
  }

  /** The number of the key's text. */
  #keyOf(id: number, columns: readonly ArrayLike<unknown>[], row: number): number {
    const known = this.#known[id]
    if (known !== undefined) return known
    const key = this.#intern(columns.map((cells) => partsOf(cells[row])[0]).join(SEPARATOR))
    this.#known[id] = key
    return key
  }

  #intern(text: string): number {
    const known = this.#keyIds.get(text)
    if (known !== undefined) return known
    const key = this.#keys.push(text) - 1
    this.#keyIds.set(text, key)
    return key
  }

  #slotAt(timeMs: number): Slot {
    if (this.#slot !== undefined && timeMs >= this.#slot.from && timeMs < this.#slot.to) return this.#slot
    const from = timeMs - (timeMs % this.#slotMs)
    const slot = this.#slots.get(from) ?? new Slot(from, from + this.#slotMs)
    this.#slots.set(from, slot)
    this.#slot = slot
    return slot
  }

  #groupOf(slot: Slot, key: number): number {
    const known = slot.groupOf(key)
    if (known >= 0) return known
    const group = this.#of.push({ key, slot: slot.from }) - 1
    slot.set(key, group)
    return group
  }
}

const NO_KEY = -1
const MANY_KEYS = -2

/** Numbers the texts that a field's cells give to keys. */
class PartIds {
  readonly #byCell = new Map<unknown, number>()
  readonly #byText = new Map<string, number>()

  idOf(cell: unknown): number {
    const known = this.#byCell.get(cell)
    if (known !== undefined) return known
    if (Array.isArray(cell)) return MANY_KEYS
    const [text] = partsOf(cell)
    if (text === undefined) return NO_KEY
    // 1 and "1" are one part of a key.
    const id = this.#byText.get(text) ?? this.#byText.size
    this.#byText.set(text, id)
    this.#byCell.set(cell, id)
    return id
  }
}

/** Numbers pairs of ids. */
class JoinedIds {
  readonly #ids = new Map<number, number>()

  idOf(first: number, second: number): number {
    const pair = first * IDS + second
    const known = this.#ids.get(pair)
    if (known !== undefined) return known
    const id = this.#ids.size
    this.#ids.set(pair, id)
    return id
  }
}

class Slot {
  readonly from: number
  readonly to: number
  /** As long as the greatest key needs: a view may have few keys in many slots. */
  #listed = new Int32Array(16).fill(-1)
  readonly #others = new Map<number, number>()

  constructor(from: number, to: number) {
    this.from = from
    this.to = to
  }

  /** -1: none yet. */
  groupOf(key: number): number {
    return key < LISTED_KEYS ? (this.#listed[key] ?? -1) : (this.#others.get(key) ?? -1)
  }

  set(key: number, group: number): void {
    if (key >= LISTED_KEYS) {
      this.#others.set(key, group)
      return
    }
    if (key >= this.#listed.length) {
      const grown = new Int32Array(2 ** Math.ceil(Math.log2(key + 1))).fill(-1)
      grown.set(this.#listed)
      this.#listed = grown
    }
    this.#listed[key] = group
  }
}
