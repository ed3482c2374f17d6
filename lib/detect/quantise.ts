import type { Value } from '../stream/value.ts'
import { categoryOf, numberOf } from './features.ts'
import { columnCount, type ForestModel } from './model.ts'

/**
 * Records as rows of u16 ranks, the form in which the trees compare them. A number's rank is how many of its column's cuts
 * lie below it, so `value <= cuts[i]` is `rank <= i`: exact, and a node is one 32-bit word.
 *
 * A missing number counts as the usual one (the median). A category that training did not see counts as the rarest it
 * saw; so does a missing one, unless it was missing in training too.
 */
export class Quantiser {
  /** Ranks of a row: one for each column. */
  readonly width: number
  readonly #numbers: readonly NumberRanks[]
  readonly #categories: readonly CategoryRanks[]

  constructor(model: ForestModel) {
    const { features, trees, medians, orders } = model
    this.width = columnCount(model)
    this.#numbers = [...features.numeric, ...features.rates].map(
      (name, i) => new NumberRanks(name, trees.cuts[i] ?? new Float64Array(0), medians[i] ?? 0),
    )
    this.#categories = features.categorical.map((name, i) => ({
      name,
      codes: new Map((model.categories[i] ?? []).map((category, code) => [category, code])),
      ranks: orders.ranks[i] ?? new Uint16Array(orders.count),
      orders: orders.count,
    }))
  }

  /** Writes the ranks of `value` to `row` from `at` on. */
  write(value: Value, row: Uint16Array, at: number): void {
    for (let i = 0; i < this.#numbers.length; i++) {
      const ranks = this.#numbers[i] as NumberRanks
      row[at++] = ranks.of(numberOf(value, ranks.name))
    }
    for (let i = 0; i < this.#categories.length; i++) {
      const { name, codes, ranks, orders } = this.#categories[i] as CategoryRanks
      const from = (codes.get(categoryOf(value, name)) ?? codes.size - 1) * orders
      for (let order = 0; order < orders; order++) row[at++] = ranks[from + order] as number
    }
  }
}

interface CategoryRanks {
  readonly name: string
  readonly codes: ReadonlyMap<string | null, number>
  readonly ranks: Uint16Array
  readonly orders: number
}

const REMEMBERED = 512

/**
 * Ranks of one column. Values repeat, so the last ones are remembered in a small table addressed by the value itself: several times
 * faster than searching the cuts each time, and the answer is the same.
 */
class NumberRanks {
  readonly name: string
  readonly #cuts: Float64Array
  readonly #median: number
  readonly #values = new Float64Array(REMEMBERED).fill(Number.NaN)
  readonly #ranks = new Uint16Array(REMEMBERED)

  constructor(name: string, cuts: Float64Array, median: number) {
    this.name = name
    this.#cuts = cuts
    this.#median = median
  }

  of(number: number): number {
    const value = Number.isNaN(number) ? this.#median : number
    // An odd factor near 100: whole numbers and hundredths alike spread over the table.
    const slot = (value * 101) & (REMEMBERED - 1)
    if (this.#values[slot] === value) return this.#ranks[slot] as number
    const rank = cutsBelow(this.#cuts, value)
    this.#values[slot] = value
    this.#ranks[slot] = rank
    return rank
  }
}

/** How many of the ascending `cuts` are < value. */
export function cutsBelow(cuts: Float64Array, value: number): number {
  let low = 0
  let high = cuts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((cuts[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
