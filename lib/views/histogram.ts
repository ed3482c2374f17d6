import type { Aggregate, Cells, Fold } from './aggregate.ts'
import { arrayOf, wholeNumber } from './numbers.ts'

export interface HistogramAnswer {
  readonly bounds: readonly number[]
  /** One more than there are bounds: of the values up to the first, between each two, and above the last. */
  readonly counts: readonly number[]
}

class HistogramFold implements Fold<readonly number[]> {
  readonly #bounds: readonly number[]
  readonly #counts: number[]

  constructor(from: readonly number[], bounds: readonly number[]) {
    this.#counts = [...from]
    this.#bounds = bounds
  }

  add(cells: Cells, row: number): void {
    const x = cells[0]?.[row]
    if (typeof x !== 'number' || !Number.isFinite(x)) return
    const at = bucketOf(this.#bounds, x)
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  state(): readonly number[] {
    return this.#counts
  }
}

/** Counts of finite values between fixed bounds, a value equal to a bound below it, as Prometheus and OpenTelemetry do. */
export function histogram(bounds: readonly number[]): Aggregate<readonly number[]> {
  const empty = new Array<number>(bounds.length + 1).fill(0)
  return {
    empty,
    fold: (from) => new HistogramFold(from, bounds),
    merge: (a, b) => a.map((count, i) => count + (b[i] ?? 0)),
    toJson: (state) => state,
    fromJson: (json) => arrayOf(json, empty.length, 'a histogram').map(wholeNumber),
    answer: (counts) => ({ bounds, counts }),
  }
}

/** The first bucket whose bound is not below x. */
function bucketOf(bounds: readonly number[], x: number): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((bounds[middle] as number) < x) low = middle + 1
    else high = middle
  }
  return low
}
