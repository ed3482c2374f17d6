import type { Aggregate, Cells, Fold } from './aggregate.ts'
import { addExact, type Exact, exactFromJson, exactToJson, scaleToInteger } from './exact.ts'
import { arrayOf, wholeNumber } from './numbers.ts'

/** Two numbers that are added up: sum and count of a mean, both sums of a ratio. */
interface Pair {
  readonly over: Exact
  readonly under: Exact
}

class SumFold implements Fold<Exact> {
  readonly #decimals: number
  #sum: Exact

  constructor(from: Exact, decimals: number) {
    this.#sum = from
    this.#decimals = decimals
  }

  add(cells: Cells, row: number): void {
    const x = cells[0]?.[row]
    if (typeof x === 'number') this.#sum = addExact(this.#sum, scaleToInteger(x, this.#decimals))
  }

  state(): Exact {
    return this.#sum
  }
}

/** The sum of `field`, exact, as a scaled integer. A value that is not finite counts as 0. */
export function sum(decimals: number): Aggregate<Exact> {
  return {
    empty: 0,
    fold: (from) => new SumFold(from, decimals),
    merge: addExact,
    toJson: exactToJson,
    fromJson: exactFromJson,
    answer: (state) => descale(state, decimals),
  }
}

class PairFold implements Fold<Pair> {
  readonly #take: (cells: Cells, row: number) => Pair | undefined
  #pair: Pair

  constructor(from: Pair, take: (cells: Cells, row: number) => Pair | undefined) {
    this.#pair = from
    this.#take = take
  }

  add(cells: Cells, row: number): void {
    const taken = this.#take(cells, row)
    if (taken !== undefined) this.#pair = addPairs(this.#pair, taken)
  }

  state(): Pair {
    return this.#pair
  }
}

function pairs(
  take: (cells: Cells, row: number) => Pair | undefined,
): Pick<Aggregate<Pair>, 'empty' | 'fold' | 'merge' | 'toJson'> {
  return {
    empty: { over: 0, under: 0 },
    fold: (from) => new PairFold(from, take),
    merge: addPairs,
    toJson: ({ over, under }) => [exactToJson(over), exactToJson(under)],
  }
}

export function mean(decimals: number): Aggregate<Pair> {
  return {
    ...pairs((cells, row) => {
      const x = cells[0]?.[row]
      return typeof x === 'number' ? { over: scaleToInteger(x, decimals), under: 1 } : undefined
    }),
    fromJson: (json) => {
      const [over, under] = arrayOf(json, 2, 'a mean')
      return { over: exactFromJson(over), under: wholeNumber(under) }
    },
    answer: ({ over, under }) => (under === 0 ? null : Number(over) / Number(under) / 10 ** decimals),
  }
}

/** Sum over sum; null where the lower sum is 0. */
export function ratio(decimals: number): Aggregate<Pair> {
  return {
    ...pairs((cells, row) => {
      const over = cells[0]?.[row]
      const under = cells[1]?.[row]
      if (typeof over !== 'number' || typeof under !== 'number') return undefined
      return { over: scaleToInteger(over, decimals), under: scaleToInteger(under, decimals) }
    }),
    fromJson: (json) => {
      const [over, under] = arrayOf(json, 2, 'a ratio')
      return { over: exactFromJson(over), under: exactFromJson(under) }
    },
    answer: ({ over, under }) => (Number(under) === 0 ? null : Number(over) / Number(under)),
  }
}

function addPairs(a: Pair, b: Pair): Pair {
  return { over: addExact(a.over, b.over), under: addExact(a.under, b.under) }
}

function descale(state: Exact, decimals: number): number | string {
  if (decimals === 0) return typeof state === 'number' ? state : state.toString()
  const negative = state < 0
  const digits = state
    .toString()
    .replace('-', '')
    .padStart(decimals + 1, '0')
  const text = `${negative ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
  return digits.length <= 15 ? Number(text) : text
}
