import type { Aggregate, Cells, Fold } from './aggregate.ts'
import { accuracyOf, cubicExp, cubicLog, LEAST_NORMAL } from './cubic-log.ts'
import { arrayOf, finiteOrNull, wholeNumber } from './numbers.ts'

/**
 * DDSketch (C. Masson et al. 2019): values are counted in buckets whose bounds grow by a factor, so a quantile is within
 * a share of itself. When more than `BUCKETS_MAX` buckets hold something, every two neighbours become one, as in UDDSketch
 * (I. Epicoco et al. 2020): bounded, with a promise that gets weaker for all quantiles alike and is stated. How often that
 * has been done depends on the values alone, so merging is exact in any order.
 */
interface QuantileState {
  /** How many times neighbours have been joined: a bucket is 2^level / perOctave high. */
  readonly level: number
  readonly zeros: number
  readonly min: number | null
  readonly max: number | null
  /** Counts by bucket: bucket i holds values whose cubic logarithm is in (i - 1, i] heights. */
  readonly above: ReadonlyMap<number, number>
  /** Of the negative values, by their magnitude. */
  readonly below: ReadonlyMap<number, number>
}

export interface QuantileAnswer {
  readonly count: number
  readonly min: number | null
  readonly max: number | null
  /** By name: p50, p99, p99.9. Null for no values. */
  readonly values: Readonly<Record<string, number | null>>
  /** Each is within this share of the true value at its rank. */
  readonly relativeError: number
}

export const BUCKETS_MAX = 1024
/** Joined so often, all numbers there are lie in fewer than `BUCKETS_MAX` buckets, at any accuracy. */
const LEVEL_MAX = 16
const EMPTY: QuantileState = {
  level: 0,
  zeros: 0,
  min: null,
  max: null,
  above: new Map(),
  below: new Map(),
}

export function quantile(at: readonly number[], perOctave: number): Aggregate<QuantileState> {
  return {
    empty: EMPTY,
    fold: (from) => new QuantileFold(from, perOctave),
    merge: (a, b) => {
      const fold = new QuantileFold(a, perOctave)
      fold.merge(b)
      return fold.state()
    },
    toJson: ({ level, zeros, min, max, above, below }) => [level, zeros, min, max, flat(above), flat(below)],
    fromJson,
    answer: (state) => answerOf(state, at, perOctave),
    error: `each quantile is within ${(100 * accuracyOf(perOctave)).toFixed(2)} % of a true value; an answer says so where buckets had to be joined`,
  }
}

class QuantileFold implements Fold<QuantileState> {
  readonly #perOctave: number
  readonly #above: Map<number, number>
  readonly #below: Map<number, number>
  #level: number
  #zeros: number
  #min: number
  #max: number

  constructor(from: QuantileState, perOctave: number) {
    this.#perOctave = perOctave
    this.#above = new Map(from.above)
    this.#below = new Map(from.below)
    this.#level = from.level
    this.#zeros = from.zeros
    this.#min = from.min ?? Number.POSITIVE_INFINITY
    this.#max = from.max ?? Number.NEGATIVE_INFINITY
  }

  add(cells: Cells, row: number): void {
    const x = cells[0]?.[row]
    if (typeof x !== 'number' || !Number.isFinite(x)) return
    if (x < this.#min) this.#min = x + 0
    if (x > this.#max) this.#max = x + 0
    const magnitude = Math.abs(x)
    if (magnitude < LEAST_NORMAL) {
      this.#zeros++
      return
    }
    const fine = Math.ceil(cubicLog(magnitude) * this.#perOctave)
    add(x > 0 ? this.#above : this.#below, joined(fine, this.#level), 1)
    this.#bound()
  }

  merge(state: QuantileState): void {
    this.#joinTo(state.level)
    this.#zeros += state.zeros
    this.#min = Math.min(this.#min, state.min ?? this.#min)
    this.#max = Math.max(this.#max, state.max ?? this.#max)
    const further = this.#level - state.level
    for (const [i, count] of state.above) add(this.#above, joined(i, further), count)
    for (const [i, count] of state.below) add(this.#below, joined(i, further), count)
    this.#bound()
  }

  state(): QuantileState {
    const any = this.#zeros + this.#above.size + this.#below.size > 0
    return {
      level: this.#level,
      zeros: this.#zeros,
      min: any ? this.#min : null,
      max: any ? this.#max : null,
      above: this.#above,
      below: this.#below,
    }
  }

  #bound(): void {
    while (this.#above.size + this.#below.size > BUCKETS_MAX) this.#joinTo(this.#level + 1)
  }

  #joinTo(level: number): void {
    if (level <= this.#level) return
    for (const buckets of [this.#above, this.#below]) {
      const all = [...buckets]
      buckets.clear()
      for (const [i, count] of all) add(buckets, joined(i, level - this.#level), count)
    }
    this.#level = level
  }
}

/** The bucket that holds bucket i once neighbours have been joined so many times: (2j - 2, 2j] becomes (j - 1, j]. */
function joined(i: number, times: number): number {
  let bucket = i
  for (let n = 0; n < times; n++) bucket = (bucket + 1) >> 1
  return bucket
}

function add(buckets: Map<number, number>, i: number, count: number): void {
  buckets.set(i, (buckets.get(i) ?? 0) + count)
}

function answerOf(state: QuantileState, at: readonly number[], perOctave: number): QuantileAnswer {
  const { level, zeros, min, max, above, below } = state
  const height = 2 ** level / perOctave
  const up = ascending(above)
  const runs: { readonly value: number; readonly count: number }[] = [
    ...ascending(below)
      .reverse()
      .map(([i, count]) => ({ value: -middle(i, height), count })),
    ...(zeros > 0 ? [{ value: 0, count: zeros }] : []),
    ...up.map(([i, count]) => ({ value: middle(i, height), count })),
  ]
  const count = runs.reduce((sum, run) => sum + run.count, 0)
  const valueAt = (q: number): number | null => {
    if (min === null || max === null) return null
    let passed = 0
    const rank = q * (count - 1)
    for (const run of runs) {
      passed += run.count
      if (passed > rank) return Math.min(max, Math.max(min, run.value))
    }
    return max
  }
  const values = Object.fromEntries(at.map((q) => [nameOf(q), valueAt(q)]))
  return { count, min, max, values, relativeError: accuracyOf(perOctave / 2 ** level) }
}

function nameOf(q: number): string {
  return `p${Number((q * 100).toFixed(6))}`
}

/** The point of a bucket that is equally far from both ends, relative to them. The upper end may be beyond all numbers. */
function middle(i: number, height: number): number {
  return 2 / (1 / cubicExp((i - 1) * height) + 1 / cubicExp(i * height))
}

function ascending(buckets: ReadonlyMap<number, number>): (readonly [number, number])[] {
  return [...buckets].sort(([a], [b]) => a - b)
}

/** Buckets ascending: the distance from the one before, and the count. */
function flat(buckets: ReadonlyMap<number, number>): number[] {
  let before = 0
  return ascending(buckets).flatMap(([i, count]) => {
    const step = i - before
    before = i
    return [step, count]
  })
}

function fromJson(json: unknown): QuantileState {
  const [level, zeros, min, max, above, below] = arrayOf(json, 6, 'a quantile')
  const state = {
    level: wholeNumber(level),
    zeros: wholeNumber(zeros),
    min: finiteOrNull(min, 'a least value'),
    max: finiteOrNull(max, 'a greatest value'),
    above: unflat(above),
    below: unflat(below),
  }
  const buckets = state.above.size + state.below.size
  const any = state.zeros + buckets > 0
  if (
    buckets > BUCKETS_MAX ||
    state.level > LEVEL_MAX ||
    any !== (state.min !== null) ||
    any !== (state.max !== null)
  )
    throw new TypeError('a quantile with too many buckets, or with a range of no values')
  return state
}

function unflat(json: unknown): ReadonlyMap<number, number> {
  if (!Array.isArray(json) || json.length % 2 !== 0)
    throw new TypeError('buckets are pairs of step and count')
  const buckets = new Map<number, number>()
  let i = 0
  for (let n = 0; n < json.length; n += 2) {
    const step: unknown = json[n]
    if (typeof step !== 'number' || !Number.isSafeInteger(step) || (n > 0 && step <= 0))
      throw new TypeError('buckets are in ascending order')
    i += step
    const count = wholeNumber(json[n + 1])
    if (count === 0) throw new TypeError('a bucket without values')
    buckets.set(i, count)
  }
  return buckets
}
