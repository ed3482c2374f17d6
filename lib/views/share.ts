import type { FieldCondition } from '../stream/view-definition.ts'
import type { Aggregate, Cells, Fold } from './aggregate.ts'
import { arrayOf, wholeNumber } from './numbers.ts'

interface Share {
  readonly hits: number
  readonly of: number
}

class ShareFold implements Fold<Share> {
  readonly #where: readonly FieldCondition[]
  #hits: number
  #of: number

  constructor({ hits, of }: Share, where: readonly FieldCondition[]) {
    this.#hits = hits
    this.#of = of
    this.#where = where
  }

  add(cells: Cells, row: number): void {
    this.#of++
    for (let f = 0; f < this.#where.length; f++) {
      const wanted = this.#where[f]?.in as readonly unknown[]
      if (!wanted.includes(cells[f]?.[row])) return
    }
    this.#hits++
  }

  state(): Share {
    return { hits: this.#hits, of: this.#of }
  }
}

/** The share of records for which all conditions hold, 0 to 1; null for no records. */
export function share(where: readonly FieldCondition[]): Aggregate<Share> {
  return {
    empty: { hits: 0, of: 0 },
    fold: (from) => new ShareFold(from, where),
    merge: (a, b) => ({ hits: a.hits + b.hits, of: a.of + b.of }),
    toJson: ({ hits, of }) => [hits, of],
    fromJson: (json) => {
      const [hits, of] = arrayOf(json, 2, 'a share').map(wholeNumber)
      if (hits === undefined || of === undefined || hits > of)
        throw new TypeError('a share of more than there is')
      return { hits, of }
    },
    answer: ({ hits, of }) => (of === 0 ? null : hits / of),
  }
}
