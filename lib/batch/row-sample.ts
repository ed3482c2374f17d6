import { HASH_SPACE, SignatureHash } from '../detect/signature-hash.ts'
import { coarseNumber, coarseRate } from '../detect/signature-sample.ts'
import type { Value } from '../stream/value.ts'

const MISSING = 1 << 20
const NOT_A_RATE = 1 << 21
/** Share of the signatures kept for judging models and never trained on: one in this many. */
const HELD_OUT_ONE_IN = 10

/**
 * A bounded sample of a stream's records: the first of each coarse signature of the given fields, and of those, where
 * they are too many, the ones with the lowest hash (a uniform sample of the distinct signatures, whatever the order). One in ten
 * is held out. Which ones depends on the signature alone, so they are held out of every training, and two models can be
 * judged by records that neither was trained on.
 */
export class RowSample {
  readonly #fields: readonly string[]
  readonly #rowsMax: number
  readonly #rows = new Map<number, Value>()
  readonly #hash = new SignatureHash()
  #hashLimit = HASH_SPACE
  rowsSeen = 0

  constructor(fields: readonly string[], rowsMax: number) {
    this.#fields = fields
    this.#rowsMax = rowsMax
  }

  add(value: Value): void {
    this.rowsSeen++
    const hash = this.#hashOf(value)
    if (hash >= this.#hashLimit || this.#rows.has(hash)) return
    this.#rows.set(hash, value)
    if (this.#rows.size > this.#rowsMax) this.#thinOut()
  }

  /** Distinct signatures held. */
  get size(): number {
    return this.#rows.size
  }

  *training(): Generator<Value> {
    for (const [hash, value] of this.#rows) if (!isHeldOut(hash)) yield value
  }

  /** All that is held: for a model that nobody judges by held-out records. */
  all(): Iterable<Value> {
    return this.#rows.values()
  }

  heldOut(): readonly Value[] {
    return [...this.#rows].filter(([hash]) => isHeldOut(hash)).map(([, value]) => value)
  }

  #hashOf(value: Value): number {
    this.#hash.reset()
    for (const field of this.#fields) addCoarse(this.#hash, value[field])
    return this.#hash.value
  }

  #thinOut(): void {
    while (this.#rows.size > this.#rowsMax) {
      this.#hashLimit /= 2
      for (const hash of this.#rows.keys()) if (hash >= this.#hashLimit) this.#rows.delete(hash)
    }
  }
}

/** The low bits of the hash: thinning out goes by its size, so the two choices are independent. */
function isHeldOut(hash: number): boolean {
  return hash % HELD_OUT_ONE_IN === 0
}

/** At least as fine as any detector's own signature: rates and small numbers by quarters, others by powers of two. */
function addCoarse(hash: SignatureHash, field: unknown): void {
  if (typeof field === 'string') hash.addText(field)
  else if (typeof field === 'boolean') hash.add(field ? 4 : 0)
  else if (typeof field !== 'number') hash.add(MISSING)
  else hash.add(field >= 0 && field <= 1 ? coarseRate(field) : NOT_A_RATE + coarseNumber(field))
}
