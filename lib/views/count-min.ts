import { wholeNumber } from './numbers.ts'

const DEPTH = 4

/**
 * Count-Min (G. Cormode, S. Muthukrishnan 2005): for each of four rows a value has one counter, picked by its hash; the least
 * of the four is its count and perhaps some of other values'. Merging adds counters, so it is exact in any order.
 */
export class CountMin {
  readonly width: number
  readonly #counters: Float64Array

  /** `width`: counters a row, a power of two. */
  constructor(width: number, counters: Float64Array = new Float64Array(width * DEPTH)) {
    this.width = width
    this.#counters = counters
  }

  copy(): CountMin {
    return new CountMin(this.width, this.#counters.slice())
  }

  /** `high`, `low`: the value's hash. */
  add(high: number, low: number, count: number): void {
    for (let row = 0; row < DEPTH; row++) {
      const at = this.#at(row, high, low)
      this.#counters[at] = (this.#counters[at] as number) + count
    }
  }

  addAll(other: CountMin): void {
    for (let i = 0; i < this.#counters.length; i++)
      this.#counters[i] = (this.#counters[i] as number) + (other.#counters[i] as number)
  }

  /** Never under the true count. Over it by more than `errorOf(total)` with a chance of less than 2 %. */
  estimate(high: number, low: number): number {
    let least = Number.POSITIVE_INFINITY
    for (let row = 0; row < DEPTH; row++)
      least = Math.min(least, this.#counters[this.#at(row, high, low)] as number)
    return least
  }

  /** e / width of everything that was counted; each row is worse with a chance of 1/e, all four of e^-4. */
  errorOf(total: number): number {
    return Math.ceil((Math.E / this.width) * total)
  }

  /** Each counter in base 128, the low digits first, the high bit set where one follows; in base64. */
  toText(): string {
    const bytes: number[] = []
    for (const counter of this.#counters) {
      let rest = counter
      while (rest >= 128) {
        bytes.push((rest % 128) + 128)
        rest = Math.floor(rest / 128)
      }
      bytes.push(rest)
    }
    return Buffer.from(bytes).toString('base64url')
  }

  /** Throws a TypeError on what `toText` of this width did not make. */
  static fromText(text: unknown, width: number): CountMin {
    if (typeof text !== 'string') throw new TypeError('a Count-Min table is text')
    const counters = new Float64Array(width * DEPTH)
    let at = 0
    let scale = 1
    for (const byte of Buffer.from(text, 'base64url')) {
      if (at >= counters.length) throw new TypeError('a Count-Min table has too many counters')
      counters[at] = (counters[at] as number) + (byte % 128) * scale
      scale = byte >= 128 ? scale * 128 : 1
      if (byte < 128) wholeNumber(counters[at++])
    }
    if (at !== counters.length || scale !== 1) throw new TypeError('a Count-Min table is cut')
    return new CountMin(width, counters)
  }

  /** A row's hash is made of the value's two, as A. Kirsch and M. Mitzenmacher (2006) show to be enough. */
  #at(row: number, high: number, low: number): number {
    return row * this.width + ((high + Math.imul(row, low | 1)) & (this.width - 1))
  }
}
