import { ANY_WORD, type LineMask, VARIABLE, WORDS_MAX } from './template-mask.ts'
import { Symbols, UNKNOWN } from './template-symbols.ts'

/** Beside the symbols of `Symbols`, which are numbered from 1 up: what looks like a variable, and any word at all. */
const VARIABLE_SYMBOL = 0
const ANY_SYMBOL = -2
const NONE = -1

/**
 * Templates as a tree over their gaps and words, to be matched against masked lines. A word of a line goes along its own
 * branch first and along that of any word second; what looks like a variable goes along a variable's, and then any word's.
 * Of several templates that match the one that is the more exact at the first difference is found, in whatever order they
 * were added.
 */
export class TemplateIndex {
  readonly #symbols = new Symbols()
  readonly #edges = new Edges()
  /** By node: the template that ends there, NONE elsewhere. */
  readonly #ends: number[] = [NONE]
  readonly #gaps = new Int32Array(WORDS_MAX + 2)
  readonly #words = new Int32Array(WORDS_MAX + 1)
  /** Of the last line: 1 where a word went along a variable's branch. */
  readonly #taken = new Uint8Array(WORDS_MAX + 1)
  #mask: LineMask | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Takes a template in: gap, word, gap, ..., gap. Its number: from 0 up, the old one where it is there already. */
  add(parts: readonly string[]): number {
    let node = this.#step(0, this.#symbols.addGap(parts[0] ?? ''))
    for (let i = 1; i < parts.length; i += 2) {
      node = this.#step(node, this.#symbolOf(parts[i] as string))
      node = this.#step(node, this.#symbols.addGap(parts[i + 1] ?? ''))
    }
    if (this.#ends[node] === NONE) this.#ends[node] = this.#size++
    return this.#ends[node] as number
  }

  /** The number of the template that the masked line is of; -1 where there is none. */
  match(mask: LineMask): number {
    const { count, line, wordStart, wordEnd, variable } = mask
    for (let i = 0; i <= count; i++) {
      const gap = this.#symbols.findGap(mask, i)
      if (gap === UNKNOWN) return NONE
      this.#gaps[i] = gap
    }
    for (let i = 0; i < count; i++)
      this.#words[i] =
        variable[i] === 1
          ? VARIABLE_SYMBOL
          : this.#symbols.find(line, wordStart[i] as number, wordEnd[i] as number)
    this.#mask = mask
    return this.#walk(0, 0)
  }

  /** Of the last line that matched: what stands in the place of each variable. */
  variables(): readonly string[] {
    const mask = this.#mask
    if (mask === undefined) return []
    return Array.from({ length: mask.count }, (_, i) => i)
      .filter((i) => this.#taken[i] === 1)
      .map((i) => mask.word(i))
  }

  #walk(node: number, i: number): number {
    const at = this.#edges.get(node, this.#gaps[i] as number)
    if (at === NONE) return NONE
    if (i === this.#mask?.count) return this.#ends[at] as number
    const word = this.#words[i] as number
    const own = word === UNKNOWN ? NONE : this.#edges.get(at, word)
    const found = own === NONE ? NONE : this.#walk(own, i + 1)
    this.#taken[i] = word === VARIABLE_SYMBOL ? 1 : 0
    if (found !== NONE) return found
    this.#taken[i] = 1
    const any = this.#edges.get(at, ANY_SYMBOL)
    return any === NONE ? NONE : this.#walk(any, i + 1)
  }

  #symbolOf(word: string): number {
    if (word === VARIABLE) return VARIABLE_SYMBOL
    return word === ANY_WORD ? ANY_SYMBOL : this.#symbols.add(word)
  }

  #step(node: number, symbol: number): number {
    const known = this.#edges.get(node, symbol)
    if (known !== NONE) return known
    const next = this.#ends.push(NONE) - 1
    this.#edges.set(node, symbol, next)
    return next
  }
}

/** Where an edge with a symbol leads from a node: one open-addressing table for the whole tree. */
class Edges {
  #keys = new Int32Array(4096)
  #to = new Int32Array(2048).fill(NONE)
  #size = 0

  get(node: number, symbol: number): number {
    const mask = this.#to.length - 1
    let slot = hashOf(node, symbol) & mask
    for (;;) {
      const to = this.#to[slot] as number
      if (to === NONE || (this.#keys[2 * slot] === node && this.#keys[2 * slot + 1] === symbol)) return to
      slot = (slot + 1) & mask
    }
  }

  set(node: number, symbol: number, to: number): void {
    if (++this.#size * 2 > this.#to.length) this.#grow()
    this.#place(node, symbol, to)
  }

  #place(node: number, symbol: number, to: number): void {
    const mask = this.#to.length - 1
    let slot = hashOf(node, symbol) & mask
    while (this.#to[slot] !== NONE) slot = (slot + 1) & mask
    this.#keys[2 * slot] = node
    this.#keys[2 * slot + 1] = symbol
    this.#to[slot] = to
  }

  #grow(): void {
    const keys = this.#keys
    const old = this.#to
    this.#keys = new Int32Array(keys.length * 2)
    this.#to = new Int32Array(old.length * 2).fill(NONE)
    old.forEach((to, slot) => {
      if (to !== NONE) this.#place(keys[2 * slot] as number, keys[2 * slot + 1] as number, to)
    })
  }
}

function hashOf(node: number, symbol: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(symbol + 1, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
