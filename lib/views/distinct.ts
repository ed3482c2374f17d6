import type { Aggregate, Cells, Fold } from './aggregate.ts'
import { type HashWords, hashValue } from './hash.ts'
import { estimateDistinct } from './hyperloglog-estimate.ts'

/** Goes into the version of every view that has a `distinct`: raised whenever the same values would give other bytes. */
export const DISTINCT_FORM = 1
export const PRECISION = 12

/**
 * HyperLogLog (P. Flajolet et al. 2007) that begins as a list. Each value is a coupon, as in Apache DataSketches' HLL: 26
 * bits of one hash word for the address, above 6 bits with one more than the leading zeros of the other. Up to 2^p / 8
 * different coupons the state is their sorted list, so some hundred values are counted exactly and take a few bytes each;
 * beyond, it is 2^p registers that hold the greatest number of their addresses. Which of the two is decided by the set of
 * values alone, never by the order in which they came, so merging in any order gives the same bytes.
 */
type DistinctState = { readonly coupons: Uint32Array } | { readonly registers: Uint8Array }

const VALUE_BITS = 6
const VALUE_MASK = 63
/** Leading zeros of a word, and one. */
const VALUE_MAX = 33
const NO_REGISTERS = new Uint8Array(0)
/** One for all folds, of which there may be a hundred thousand. */
const hash: HashWords = new Uint32Array(2)
const EMPTY: DistinctState = { coupons: new Uint32Array(0) }

export function distinct(precision: number): Aggregate<DistinctState> {
  const couponsMax = 2 ** precision / 8
  return {
    empty: EMPTY,
    fold: (from) => new DistinctFold(from, precision),
    merge: (a, b) => {
      const fold = new DistinctFold(a, precision)
      fold.merge(b)
      return fold.state()
    },
    toJson: (state) => ('coupons' in state ? couponText(state.coupons) : registerText(state.registers)),
    fromJson: (json) => fromText(json, precision),
    answer: (state) => {
      if ('coupons' in state) return state.coupons.length
      return Math.max(couponsMax, Math.round(estimateDistinct(state.registers)))
    },
    error: `exact up to about ${couponsMax}; beyond, the standard error is ${(104 / 2 ** (precision / 2)).toFixed(1)} %`,
  }
}

class DistinctFold implements Fold<DistinctState> {
  readonly #precision: number
  #coupons: Set<number> | undefined
  #registers = NO_REGISTERS

  constructor(from: DistinctState, precision: number) {
    this.#precision = precision
    if ('coupons' in from) this.#coupons = new Set(from.coupons)
    else this.#registers = from.registers.slice()
  }

  add(cells: Cells, row: number): void {
    this.#addValue(cells[0]?.[row])
  }

  merge(state: DistinctState): void {
    if ('coupons' in state) for (const coupon of state.coupons) this.#take(coupon)
    else {
      this.#toRegisters()
      const registers = this.#registers
      for (let i = 0; i < registers.length; i++)
        registers[i] = Math.max(registers[i] as number, state.registers[i] as number)
    }
  }

  state(): DistinctState {
    if (this.#coupons === undefined) return { registers: this.#registers }
    return { coupons: Uint32Array.from(this.#coupons).sort() }
  }

  #addValue(value: unknown): void {
    if (Array.isArray(value)) {
      for (const element of value) this.#addValue(element)
      return
    }
    if (!hashValue(value, hash)) return
    const [address = 0, other = 0] = hash
    this.#take(((address & ~VALUE_MASK) | (Math.clz32(other) + 1)) >>> 0)
  }

  #take(coupon: number): void {
    if (this.#coupons === undefined) {
      this.#raise(coupon)
    } else {
      this.#coupons.add(coupon)
      if (this.#coupons.size > 2 ** this.#precision / 8) this.#toRegisters()
    }
  }

  #toRegisters(): void {
    const coupons = this.#coupons
    if (coupons === undefined) return
    this.#coupons = undefined
    this.#registers = new Uint8Array(2 ** this.#precision)
    for (const coupon of coupons) this.#raise(coupon)
  }

  #raise(coupon: number): void {
    const at = (coupon >>> VALUE_BITS) & (this.#registers.length - 1)
    const value = coupon & VALUE_MASK
    if (value > (this.#registers[at] as number)) this.#registers[at] = value
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** `c` and base64 of the coupons, each four bytes, the high one first. */
function couponText(coupons: Uint32Array): string {
  const bytes = Buffer.alloc(coupons.length * 4)
  for (const [i, coupon] of coupons.entries()) bytes.writeUInt32BE(coupon, i * 4)
  return `c${bytes.toString('base64url')}`
}

/** `r` and one base64 digit for each register: boards are compressed, and so each costs about three bits. */
function registerText(registers: Uint8Array): string {
  let text = 'r'
  for (const value of registers) text += ALPHABET[value]
  return text
}

function fromText(json: unknown, precision: number): DistinctState {
  if (typeof json === 'string' && json.startsWith('c'))
    return { coupons: readCoupons(json.slice(1), precision) }
  if (typeof json === 'string' && json.startsWith('r')) return { registers: readRegisters(json, precision) }
  throw new TypeError('a distinct count is text that begins with c or r')
}

function readCoupons(text: string, precision: number): Uint32Array {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length % 4 !== 0 || bytes.length / 4 > 2 ** precision / 8 || bytes.toString('base64url') !== text)
    throw new TypeError('the coupons of a distinct count are cut or too many')
  const coupons = new Uint32Array(bytes.length / 4)
  for (let i = 0; i < coupons.length; i++) {
    const coupon = bytes.readUInt32BE(i * 4)
    const value = coupon & VALUE_MASK
    if (value < 1 || value > VALUE_MAX || (i > 0 && coupon <= (coupons[i - 1] as number)))
      throw new TypeError('the coupons of a distinct count are out of order or out of range')
    coupons[i] = coupon
  }
  return coupons
}

function readRegisters(text: string, precision: number): Uint8Array {
  const registers = new Uint8Array(2 ** precision)
  if (text.length !== registers.length + 1)
    throw new TypeError(`a distinct count of precision ${precision} has ${registers.length} registers`)
  for (let i = 0; i < registers.length; i++) {
    const value = ALPHABET.indexOf(text[i + 1] as string)
    if (value < 0 || value > VALUE_MAX) throw new TypeError('a register of a distinct count is out of range')
    registers[i] = value
  }
  return registers
}
