import type { Aggregate, Fold, GroupedRows, GroupFold } from './aggregate.ts'
import { wholeNumber } from './numbers.ts'

class CountFold implements Fold<number> {
  #count: number

  constructor(from: number) {
    this.#count = from
  }

  add(): void {
    this.#count++
  }

  state(): number {
    return this.#count
  }
}

/** Counts of many keys in one array: the batch layer's most frequent loop. */
class CountGroups implements GroupFold<number> {
  #counts = new Float64Array(1024)

  add({ length, groups }: GroupedRows): void {
    let counts = this.#counts
    for (let i = 0; i < length; i++) {
      const group = groups[i] as number
      if (group >= counts.length) counts = this.#grow(group)
      counts[group] = (counts[group] as number) + 1
    }
  }

  state(group: number): number {
    return this.#counts[group] ?? 0
  }

  #grow(group: number): Float64Array<ArrayBuffer> {
    const grown = new Float64Array(2 ** Math.ceil(Math.log2(group + 2)))
    grown.set(this.#counts)
    this.#counts = grown
    return grown
  }
}

export const count: Aggregate<number> = {
  empty: 0,
  fold: (from) => new CountFold(from),
  groups: () => new CountGroups(),
  merge: (a, b) => a + b,
  toJson: (state) => state,
  fromJson: wholeNumber,
  answer: (state) => state,
}
