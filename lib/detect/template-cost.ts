import { TemplateIndex } from './template-index.ts'
import { ANY_WORD, LineMask, textOf, VARIABLE } from './template-mask.ts'

const BITS_A_CHARACTER = 8

interface Priced {
  readonly parts: readonly string[]
  readonly count: number
}

/**
 * How many bits a line takes to write down with a set of templates: which template it is, and the characters of its variables; all
 * of its characters where it is of none; and its part of the templates' own text. Too few templates, too many and too wide ones all cost
 * more (minimum description length, Rissanen 1978), so two models can be compared by it on the same lines.
 */
export class CodeLength {
  readonly #index = new TemplateIndex()
  readonly #mask = new LineMask()
  /** By template: bits to name it, and characters of its own. */
  readonly #nameBits: number[] = []
  readonly #ownChars: number[] = []
  readonly #modelBits: number
  #bits = 0
  #lines = 0

  /** `lines`: those the counts are of. */
  constructor(templates: readonly Priced[], lines: number) {
    let characters = 0
    for (const { parts, count } of templates) {
      const at = this.#index.add(parts)
      // One more line of each kind is taken for granted: nothing is impossible.
      this.#nameBits[at] = Math.log2((lines + templates.length + 1) / (count + 1))
      this.#ownChars[at] = ownChars(parts)
      characters += textOf(parts).length
    }
    this.#modelBits = characters * BITS_A_CHARACTER
  }

  add(line: string): void {
    this.#lines++
    this.#mask.scan(line)
    const at = this.#index.match(this.#mask)
    if (at < 0) this.#bits += (line.length + 1) * BITS_A_CHARACTER
    else {
      const variables = Math.max(0, line.length - (this.#ownChars[at] ?? 0))
      this.#bits += (this.#nameBits[at] ?? 0) + variables * BITS_A_CHARACTER
    }
  }

  get bitsPerLine(): number {
    return (this.#bits + this.#modelBits) / Math.max(1, this.#lines)
  }
}

function ownChars(parts: readonly string[]): number {
  return parts.reduce((sum, part) => sum + (part === VARIABLE || part === ANY_WORD ? 0 : part.length), 0)
}
