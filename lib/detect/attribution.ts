import type { CompleteTrees } from './complete-trees.ts'
import { namesOf } from './features.ts'
import { type ForestModel, fieldOfColumn } from './model.ts'
import type { Quantiser } from './quantise.ts'
import { SignatureHash } from './signature-hash.ts'

/** A field's part in a score. */
export interface FieldShare {
  /** Position in `namesOf(features)`. */
  readonly field: number
  /** 0 to 1; over all fields they add up to 1, or there are none. */
  readonly share: number
}

const REMEMBERED_MAX = 4096

/**
 * Which fields made a score high: for each, how much the score falls when that field alone has its usual value. Where no
 * single one makes it fall (what is strange is a combination), the parts that each field's answers had in shortening
 * the paths. A flood's records mostly have the same ranks, so answers are remembered by them.
 */
export class Attribution {
  readonly #trees: CompleteTrees
  readonly #width: number
  readonly #fields: number
  readonly #fieldOfColumn: Uint16Array
  readonly #usual: Uint16Array
  readonly #rows: Uint16Array
  readonly #depths: Float64Array
  readonly #hash = new SignatureHash()
  readonly #remembered = new Map<number, readonly FieldShare[]>()

  constructor(model: ForestModel, trees: CompleteTrees, quantiser: Quantiser) {
    const names = namesOf(model.features)
    this.#trees = trees
    this.#width = quantiser.width
    this.#fields = names.length
    this.#fieldOfColumn = Uint16Array.from({ length: this.#width }, (_, column) =>
      fieldOfColumn(model, column),
    )
    this.#usual = new Uint16Array(this.#width)
    quantiser.write(usualRecord(model, names), this.#usual, 0)
    // The record, one variant for each field, and up to three rows that only fill the last four.
    this.#rows = new Uint16Array((names.length + 4) * this.#width)
    this.#depths = new Float64Array(names.length + 4)
  }

  /** Largest first; only fields with a part. `ranks`: one row as `Quantiser` writes it. */
  shares(ranks: Uint16Array): readonly FieldShare[] {
    this.#hash.reset()
    for (let column = 0; column < this.#width; column++) this.#hash.add(ranks[column] as number)
    const key = this.#hash.value
    const known = this.#remembered.get(key)
    if (known !== undefined) return known
    const shares = toShares(this.#falls(ranks)) ?? toShares(this.#shortenings(ranks)) ?? []
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear()
    this.#remembered.set(key, shares)
    return shares
  }

  /** By field: score less the score with the usual value. */
  #falls(ranks: Uint16Array): Float64Array {
    const falls = new Float64Array(this.#fields)
    const varied: number[] = []
    this.#rows.set(ranks.subarray(0, this.#width))
    for (let field = 0; field < this.#fields; field++)
      if (this.#writeVariant(ranks, field, varied.length + 1)) varied.push(field)
    this.#trees.depths(this.#rows, this.#width, varied.length + 1, this.#depths)
    const score = 2 ** -(this.#depths[0] as number)
    varied.forEach((field, i) => {
      falls[field] = score - 2 ** -(this.#depths[i + 1] as number)
    })
    return falls
  }

  /** False where the field has its usual value already. */
  #writeVariant(ranks: Uint16Array, field: number, row: number): boolean {
    const at = row * this.#width
    let differs = false
    for (let column = 0; column < this.#width; column++) {
      const own = ranks[column] as number
      const other = this.#fieldOfColumn[column] === field ? (this.#usual[column] as number) : own
      if (other !== own) differs = true
      this.#rows[at + column] = other
    }
    return differs
  }

  #shortenings(ranks: Uint16Array): Float64Array {
    const byField = new Float64Array(this.#fields)
    this.#trees.shortenings(ranks, this.#width).forEach((taken, column) => {
      const field = this.#fieldOfColumn[column] as number
      byField[field] = (byField[field] as number) + taken
    })
    return byField
  }
}

function usualRecord({ usual }: ForestModel, names: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    names.map((name, field) => {
      const one = usual[field]
      if (one === undefined) return [name, undefined]
      return [name, 'top' in one ? one.top[0]?.[0] : one.typical]
    }),
  )
}

/** What is above zero, as shares of its sum; undefined where nothing is. */
function toShares(parts: Float64Array): readonly FieldShare[] | undefined {
  const sum = parts.reduce((total, part) => total + Math.max(0, part), 0)
  if (!(sum > 0)) return undefined
  return [...parts]
    .map((part, field) => ({ field, share: part / sum }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || a.field - b.field)
}
