import type { Value } from '../stream/value.ts'
import { categoryOf, type Features, numberOf } from './features.ts'
import { HASH_SPACE, SignatureHash } from './signature-hash.ts'

/** Categories told apart per field; later ones of a field count as one. */
const CATEGORIES_MAX = 4096

/**
 * One row for each coarse signature of the rows it is given. A flood is millions of rows but few signatures, so a model
 * grown on signatures does not learn that a flood is usual (docs/detection.md).
 *
 * The signature: sign x floor(log2(|x| + 1)) of every number, rates rounded to quarters, categories as they are. The
 * first row of a signature stands for it, and all its rows are counted.
 *
 * Memory is bounded by `signaturesMax`. Where there are more, those whose hash is below a falling limit stay: a uniform
 * sample of the distinct signatures, whatever the order and the repetitions of the rows (bottom-k sampling; Cohen and
 * Kaplan, 2007). A signature that stays was never out, so its count is exact.
 */
export class SignatureSample {
  readonly features: Features
  readonly #signaturesMax: number
  readonly #hash: SignatureHash
  readonly #numbers: readonly string[]
  readonly #width: number
  readonly #dictionaries: readonly Map<string | null, number>[]
  #index = new Map<number, number>()
  #keys: Float64Array
  #rows: Float64Array
  #counts: Float64Array
  #hashLimit = HASH_SPACE
  #rowsSeen = 0

  constructor(features: Features, { signaturesMax, seed }: { signaturesMax: number; seed: number }) {
    this.features = features
    this.#signaturesMax = signaturesMax
    this.#hash = new SignatureHash(seed)
    this.#numbers = [...features.numeric, ...features.rates]
    this.#width = this.#numbers.length + features.categorical.length
    this.#dictionaries = features.categorical.map(() => new Map())
    this.#keys = new Float64Array(1024)
    this.#counts = new Float64Array(1024)
    this.#rows = new Float64Array(1024 * this.#width)
  }

  /** Rows given so far. */
  get rowsSeen(): number {
    return this.#rowsSeen
  }

  /** Signatures held. */
  get size(): number {
    return this.#index.size
  }

  /** True once the sample had to leave signatures out. */
  get capped(): boolean {
    return this.#hashLimit < HASH_SPACE
  }

  /** Numbers, then category codes, of signature after signature. NaN is a missing number. */
  get rows(): Float64Array {
    return this.#rows.subarray(0, this.size * this.#width)
  }

  /** Rows of each signature. */
  get counts(): Float64Array {
    return this.#counts.subarray(0, this.size)
  }

  /** The categories of each categorical field by code; null is missing. */
  get categories(): readonly (readonly (string | null)[])[] {
    return this.#dictionaries.map((dictionary) => [...dictionary.keys()])
  }

  add(value: Value): void {
    this.#rowsSeen++
    const at = this.size
    if ((at + 1) * this.#width > this.#rows.length) this.#grow()
    this.#readInto(value, at * this.#width)
    const key = this.#keyOf(at * this.#width)
    if (key >= this.#hashLimit) return
    const known = this.#index.get(key)
    if (known !== undefined) {
      this.#counts[known] = (this.#counts[known] ?? 0) + 1
      return
    }
    this.#index.set(key, at)
    this.#keys[at] = key
    this.#counts[at] = 1
    if (this.size > this.#signaturesMax) this.#thinOut()
  }

  #readInto(value: Value, at: number): void {
    for (const name of this.#numbers) this.#rows[at++] = numberOf(value, name)
    this.features.categorical.forEach((name, i) => {
      this.#rows[at++] = codeOf(this.#dictionaries[i] as Map<string | null, number>, categoryOf(value, name))
    })
  }

  #keyOf(at: number): number {
    const { numeric, rates, categorical } = this.features
    const hash = this.#hash
    hash.reset()
    for (let i = 0; i < numeric.length; i++) hash.add(coarseNumber(this.#rows[at++] as number))
    for (let i = 0; i < rates.length; i++) hash.add(coarseRate(this.#rows[at++] as number))
    for (let i = 0; i < categorical.length; i++) hash.add(this.#rows[at++] as number)
    return hash.value
  }

  #thinOut(): void {
    while (this.size > this.#signaturesMax) {
      this.#hashLimit /= 2
      const held = this.size
      let kept = 0
      this.#index = new Map()
      for (let i = 0; i < held; i++) {
        const key = this.#keys[i] as number
        if (key >= this.#hashLimit) continue
        this.#keys[kept] = key
        this.#counts[kept] = this.#counts[i] as number
        this.#rows.copyWithin(kept * this.#width, i * this.#width, (i + 1) * this.#width)
        this.#index.set(key, kept++)
      }
    }
  }

  #grow(): void {
    const capacity = Math.min((this.#rows.length / this.#width) * 2, this.#signaturesMax + 2)
    const copy = (from: Float64Array, length: number) => {
      const to = new Float64Array(length)
      to.set(from)
      return to
    }
    this.#keys = copy(this.#keys, capacity)
    this.#counts = copy(this.#counts, capacity)
    this.#rows = copy(this.#rows, capacity * this.#width)
  }
}

function codeOf(dictionary: Map<string | null, number>, category: string | null): number {
  const known = dictionary.get(category)
  if (known !== undefined) return known
  const code = Math.min(dictionary.size, CATEGORIES_MAX - 1)
  if (dictionary.size < CATEGORIES_MAX) dictionary.set(category, code)
  return code
}

/** The bucket of a number: sign x floor(log2(|x| + 1)); a value of its own for a missing one. */
export function coarseNumber(x: number): number {
  if (Number.isNaN(x)) return 4096
  const size = Math.abs(x)
  const bucket = size < 2 ** 31 - 1 ? 31 - Math.clz32(size + 1) : Math.floor(Math.log2(size + 1))
  return x < 0 ? -bucket : bucket
}

/** The bucket of a rate: quarters. */
export function coarseRate(x: number): number {
  return Number.isNaN(x) ? 4096 : Math.round(x * 4)
}
