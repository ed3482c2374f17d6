import type { Aggregate, Cells, Fold } from './aggregate.ts'
import { CountMin } from './count-min.ts'
import { finish, type HashWords, hashValue } from './hash.ts'
import { partsOf } from './keys.ts'
import { wholeNumber } from './numbers.ts'

export const TOP_FORM = 1
/** Different values that a state holds. */
export const CAPACITY = 1000

export interface TopValue {
  readonly value: string
  /** Never under the true count. */
  readonly count: number
  /** By how much it may be over; 0: exact. */
  readonly error: number
}

/**
 * The most frequent values, from a summary that is the same whatever the order of records and merges: space-saving and
 * Misra-Gries are not (docs/decisions/top-by-sample-and-sketch.md).
 *
 * Up to `capacity` different values it is their exact counts. With more, it is a Count-Min table of all of them, and the
 * `capacity` values whose rank is the least. A value's rank is the least hash over its occurrences, each hashed with the
 * origin of its record: a value that occurs f times draws f lots. That is a sample without replacement in proportion
 * to frequency (E. Cohen, H. Kaplan, "Summarizing data using bottom-k sketches", 2007): of n records, all of the others
 * different from each other, a value with a share s of them is missed with a chance of about exp(-s * capacity).
 */
interface TopState {
  readonly held: ReadonlyMap<string, Held>
  /** Where there are more values than are held; the counts in `held` are then 0. */
  readonly beyond?: { readonly table: CountMin; readonly total: number }
}

interface Held {
  readonly count: number
  readonly rank: number
}

const EMPTY: TopState = { held: new Map() }

export function top(k: number, capacity: number): Aggregate<TopState> {
  return {
    empty: EMPTY,
    fold: (from) => new TopFold(from, capacity),
    merge: (a, b) => {
      const fold = new TopFold(a, capacity)
      fold.merge(b)
      return fold.state()
    },
    toJson,
    fromJson: (json) => fromJson(json, capacity),
    answer: (state) => answerOf(state, k),
    error: `exact up to ${capacity} different values; beyond, a count may be too high by its "error" (98 % of the time it is not by more), and a value that makes up a share s is missing with a chance of at most about exp(-${capacity} s)`,
  }
}

class TopFold implements Fold<TopState> {
  readonly #capacity: number
  #held: Map<string, Held>
  #table: CountMin | undefined
  #total: number

  constructor({ held, beyond }: TopState, capacity: number) {
    this.#capacity = capacity
    this.#held = new Map(held)
    this.#table = beyond?.table.copy()
    this.#total = beyond?.total ?? 0
  }

  add(cells: Cells, row: number, origin: number): void {
    for (const value of partsOf(cells[0]?.[row])) {
      const [high, low] = hashOf(value)
      this.#take(value, { count: 1, rank: finish(high ^ origin) }, high, low)
    }
  }

  merge({ held, beyond }: TopState): void {
    if (beyond !== undefined) {
      this.#overflow().addAll(beyond.table)
      this.#total += beyond.total
    }
    for (const [value, one] of held) {
      const [high, low] = hashOf(value)
      this.#take(value, one, high, low)
    }
  }

  state(): TopState {
    if (this.#table === undefined) return { held: this.#held }
    this.#prune()
    return { held: this.#held, beyond: { table: this.#table, total: this.#total } }
  }

  #take(value: string, { count, rank }: Held, high: number, low: number): void {
    const held = this.#held.get(value)
    const least = held === undefined ? rank : Math.min(held.rank, rank)
    if (this.#table === undefined) {
      this.#held.set(value, { count: count + (held?.count ?? 0), rank: least })
      if (this.#held.size > this.#capacity) this.#overflow()
      return
    }
    // A candidate of a state that has overflowed brings no count: it is in the table that came with it.
    this.#table.add(high, low, count)
    this.#total += count
    this.#held.set(value, { count: 0, rank: least })
    if (this.#held.size > 2 * this.#capacity) this.#prune()
  }

  /** From here on counts are in the table. */
  #overflow(): CountMin {
    if (this.#table !== undefined) return this.#table
    const table = new CountMin(widthOf(this.#capacity))
    this.#table = table
    for (const [value, { count, rank }] of this.#held) {
      table.add(...hashOf(value), count)
      this.#total += count
      this.#held.set(value, { count: 0, rank })
    }
    return table
  }

  /**
   * Leaves the least ranks. Whether that is done sooner or later makes no difference: a value that is not among them now
   * has as many below it for ever, unless it occurs again with a lesser rank, and then that rank decides.
   */
  #prune(): void {
    if (this.#held.size <= this.#capacity) return
    const ordered = [...this.#held].sort(([u, a], [v, b]) => a.rank - b.rank || (u < v ? -1 : 1))
    this.#held = new Map(ordered.slice(0, this.#capacity))
  }
}

/** One for all folds, of which there may be a hundred thousand. */
const words: HashWords = new Uint32Array(2)

function hashOf(value: string): readonly [number, number] {
  hashValue(value, words)
  return [words[0] as number, words[1] as number]
}

function widthOf(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(2 * capacity))
}

function answerOf({ held, beyond }: TopState, k: number): readonly TopValue[] {
  const error = beyond === undefined ? 0 : beyond.table.errorOf(beyond.total)
  const counted = [...held].map(([value, { count }]) => {
    if (beyond === undefined) return { value, count, error }
    const estimate = beyond.table.estimate(...hashOf(value))
    return { value, count: estimate, error: Math.min(error, estimate - 1) }
  })
  return counted.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)).slice(0, k)
}

/** `[[value, count, rank], ...]`, and where it has overflowed `[[[value, 0, rank], ...], total, table]`; ordered by value. */
function toJson({ held, beyond }: TopState): unknown {
  const rows = [...held]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([value, { count, rank }]) => [value, count, rank])
  return beyond === undefined ? [rows] : [rows, beyond.total, beyond.table.toText()]
}

function fromJson(json: unknown, capacity: number): TopState {
  if (!Array.isArray(json) || !Array.isArray(json[0]) || (json.length !== 1 && json.length !== 3))
    throw new TypeError('a top is [values] or [values, total, table]')
  const [rows, total, table] = json as [unknown[], unknown, unknown]
  const held = new Map(rows.map((row) => readHeld(row, json.length === 3)))
  if (held.size !== rows.length || held.size > capacity) throw new TypeError('a top with too many values')
  if (json.length === 1) return { held }
  return { held, beyond: { total: wholeNumber(total), table: CountMin.fromText(table, widthOf(capacity)) } }
}

function readHeld(row: unknown, overflowed: boolean): readonly [string, Held] {
  if (!Array.isArray(row) || row.length !== 3) throw new TypeError('a value of a top is [value, count, rank]')
  const [value, count, rank] = row as unknown[]
  if (typeof value !== 'string' || overflowed !== (count === 0) || wholeNumber(rank) > 0xffffffff)
    throw new TypeError('a value of a top is [text, count, rank of 32 bits]')
  return [value, { count: wholeNumber(count), rank: wholeNumber(rank) }]
}
