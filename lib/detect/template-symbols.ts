import type { LineMask } from './template-mask.ts'

/** Not in the table. */
export const UNKNOWN = -1

/**
 * Words and gaps by number, from 1 up. A word is looked up where it stands in the line, without making a string of it: a
 * hash finds the slot, and comparing characters decides, so the answer never depends on luck.
 */
export class Symbols {
  readonly #texts: string[] = ['']
  #slots = new Int32Array(1024)
  readonly #gaps = new Map<string, number>()
  /** Most gaps are one character or none: by its code, and by 0 for none. 0: not in the table. */
  readonly #shortGaps = new Int32Array(128)

  add(text: string): number {
    const found = this.find(text, 0, text.length)
    if (found !== UNKNOWN) return found
    const symbol = this.#texts.push(text) - 1
    if (this.#texts.length * 2 > this.#slots.length) this.#grow()
    else this.#place(symbol)
    return symbol
  }

  addGap(text: string): number {
    const found = this.#gaps.get(text)
    if (found !== undefined) return found
    const symbol = this.#texts.push(text) - 1
    this.#gaps.set(text, symbol)
    const code = text.length === 0 ? 0 : text.charCodeAt(0)
    if (text.length <= 1 && code < 128) this.#shortGaps[code] = symbol
    return symbol
  }

  /** The symbol of `line[start, end)`. */
  find(line: string, start: number, end: number): number {
    const mask = this.#slots.length - 1
    let hash = end - start
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + line.charCodeAt(at)) | 0
    let slot = spread(hash) & mask
    for (;;) {
      const symbol = this.#slots[slot] as number
      if (symbol === 0) return UNKNOWN
      if (same(this.#texts[symbol] as string, line, start, end)) return symbol
      slot = (slot + 1) & mask
    }
  }

  /** The symbol of the gap before word `i` of a masked line. */
  findGap(mask: LineMask, i: number): number {
    const start = mask.gapStart[i] as number
    const length = (mask.gapEnd[i] as number) - start
    if (length === 0) return this.#shortGaps[0] || UNKNOWN
    if (length === 1) {
      const code = mask.line.charCodeAt(start)
      // At either end of the line, and for other white space, the gap is not the character as it stands.
      if (code === 0x20 ? i > 0 && i < mask.count : code > 0x20 && code < 128)
        return this.#shortGaps[code] || UNKNOWN
    }
    return this.#gaps.get(mask.gapText(i)) ?? UNKNOWN
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    const gaps = new Set(this.#gaps.values())
    for (let symbol = 1; symbol < this.#texts.length; symbol++) if (!gaps.has(symbol)) this.#place(symbol)
  }

  #place(symbol: number): void {
    const text = this.#texts[symbol] as string
    const mask = this.#slots.length - 1
    let hash = text.length
    for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
    let slot = spread(hash) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = symbol
  }
}

function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}

function same(text: string, line: string, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== line.charCodeAt(start + i)) return false
  return true
}
