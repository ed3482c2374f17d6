import type { Aggregate, Cells, Fold } from './aggregate.ts'
import { finiteOrNull } from './numbers.ts'

type Better = (a: number, b: number) => boolean

class ExtremeFold implements Fold<number | null> {
  readonly #better: Better
  #best: number | null

  constructor(from: number | null, better: Better) {
    this.#best = from
    this.#better = better
  }

  add(cells: Cells, row: number): void {
    const x = cells[0]?.[row]
    if (typeof x !== 'number' || !Number.isFinite(x)) return
    // -0 and 0 are neither better than the other, and the first to come must not decide: + 0 makes them one.
    if (this.#best === null || this.#better(x, this.#best)) this.#best = x + 0
  }

  state(): number | null {
    return this.#best
  }
}

/** The least or the greatest finite value. */
export function extreme(better: Better): Aggregate<number | null> {
  return {
    empty: null,
    fold: (from) => new ExtremeFold(from, better),
    merge: (a, b) => (b === null || (a !== null && !better(b, a)) ? a : b),
    toJson: (state) => state,
    fromJson: (json) => finiteOrNull(json, 'a min or max'),
    answer: (state) => state,
  }
}
