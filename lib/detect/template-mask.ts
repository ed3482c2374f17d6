import {
  classOf,
  DATE_WORDS,
  DELIMITER,
  DIGIT,
  JOINER,
  KNOWN_WORD_CHARS_MAX,
  LETTER,
  PATH_END,
  SPACE,
  UNITS,
  VALUE_WORDS,
} from './template-words.ts'

/** How a template shows a variable, and in the parts of one: what looks like a variable. */
export const VARIABLE = '<*>'
/** In the parts of a template: a variable by statistics, any word may stand there. No word of a line holds a `<`. */
export const ANY_WORD = '<+>'
/** Words of a line that are looked at, and characters; what follows is one variable. */
export const WORDS_MAX = 256
export const CHARS_MAX = 8192

const DOT = 0x2e
const SLASH = 0x2f
const TILDE = 0x7e
const EQUALS = 0x3d
const AT = 0x40
const COLON = 0x3a
const LESS = 0x3c
const OPEN = 0x28
const CLOSE = 0x29
const OPEN_SQUARE = 0x5b
const CLOSE_SQUARE = 0x5d
const MINUS = 0x2d
const PLUS = 0x2b
const BLANK = 0x20

/**
 * Cuts a line into words and what stands between them, and finds the words that are variables by their looks: numbers,
 * addresses, paths, values of `key=value`, dates, amounts. One set of rules for all systems; what only statistics can
 * tell (user names) is for `mergeForms`. Reusable: `scan` writes over what the last one found, and allocates nothing.
 *
 * Word i is `line[wordStart[i], wordEnd[i])`; before it stands `line[gapStart[i], gapEnd[i])`, and `gap[count]` is what follows
 * the last one. Variables side by side, or with only a list's or an address's punctuation between them, are one.
 */
export class LineMask {
  line = ''
  count = 0
  /** Where looking ends. */
  #end = 0
  readonly wordStart = new Int32Array(WORDS_MAX + 1)
  readonly wordEnd = new Int32Array(WORDS_MAX + 1)
  readonly gapStart = new Int32Array(WORDS_MAX + 2)
  readonly gapEnd = new Int32Array(WORDS_MAX + 2)
  /** 1: a variable. */
  readonly variable = new Uint8Array(WORDS_MAX + 1)

  scan(line: string): void {
    this.line = line
    this.count = 0
    this.gapStart[0] = 0
    this.gapEnd[0] = line.length
    this.#end = Math.min(line.length, CHARS_MAX)
    let at = 0
    while (at < this.#end && this.count < WORDS_MAX) at = this.#nextWord(at)
    if (at < line.length) this.#add(at, line.length, true)
    this.#extend()
    this.#join()
  }

  /** The gap before word `i` as a template has it: one blank for any white space, none at either end of the line. */
  gapText(i: number): string {
    const text = this.line.slice(this.gapStart[i], this.gapEnd[i])
    if (text === ' ' && i > 0 && i < this.count) return text
    const single = text.replace(/\s+/g, ' ')
    if (i === 0) return this.count === 0 ? single.trim() : single.trimStart()
    return i === this.count ? single.trimEnd() : single
  }

  /** Gap, word, gap, ..., gap: the line with `<*>` for its variables, in pieces. */
  parts(): string[] {
    const parts: string[] = [this.gapText(0)]
    for (let i = 0; i < this.count; i++)
      parts.push(this.variable[i] === 1 ? VARIABLE : this.word(i), this.gapText(i + 1))
    return parts
  }

  /** The texts of its variables. */
  variables(): readonly string[] {
    const texts: string[] = []
    for (let i = 0; i < this.count; i++) if (this.variable[i] === 1) texts.push(this.word(i))
    return texts
  }

  word(i: number): string {
    return this.line.slice(this.wordStart[i], this.wordEnd[i])
  }

  /** Takes in the next word from `at` on, if there is one. Where to go on. */
  #nextWord(at: number): number {
    const { line } = this
    while (at < this.#end && (classOf(line.charCodeAt(at)) & (SPACE | DELIMITER)) !== 0) at++
    if (at >= this.#end) return at
    return isPath(line, at) ? this.#path(at) : this.#plain(at)
  }

  #path(start: number): number {
    const { line } = this
    let end = start + 1
    while (end < this.#end && (classOf(line.charCodeAt(end)) & PATH_END) === 0) end++
    const next = end
    // Punctuation at its end belongs to the sentence.
    while (end > start + 1 && isSentenceMark(line.charCodeAt(end - 1))) end--
    this.#add(start, end, true)
    return next
  }

  #plain(at: number): number {
    const { line } = this
    let start = -1
    let end = at
    let seen = 0
    let code = 0
    let mail = false
    for (; at < this.#end; at++) {
      code = line.charCodeAt(at)
      const kind = classOf(code)
      if ((kind & (SPACE | DELIMITER)) !== 0) break
      if (code === DOT && (line.charCodeAt(at + 1) === DOT || line.charCodeAt(at - 1) === DOT)) {
        if (start >= 0) break
        continue
      }
      if (code === AT && start >= 0) mail = true
      if ((kind & (DIGIT | LETTER)) === 0) continue
      if (start < 0) start = at
      end = at + 1
      seen |= kind
    }
    if (start < 0) return at
    const before = line.charCodeAt(start - 1)
    const signed = (before === MINUS || before === PLUS) && (classOf(line.charCodeAt(start)) & DIGIT) !== 0
    if (signed && start > 0) start--
    this.#add(start, end, (seen & DIGIT) !== 0 || mail || this.#isValue(start, end))
    return at
  }

  /** The value of `key=value` or `key = value`; of `a= b=` none is. */
  #isValue(start: number, end: number): boolean {
    const { line } = this
    const before = line.charCodeAt(start - 1)
    if (before === EQUALS) return true
    if (before === BLANK && line.charCodeAt(start - 2) === EQUALS && line.charCodeAt(start - 3) === BLANK)
      return true
    const length = end - start
    return (length === 4 || length === 5) && VALUE_WORDS.has(line.slice(start, end))
  }

  #add(start: number, end: number, variable: boolean): void {
    const i = this.count++
    this.wordStart[i] = start
    this.wordEnd[i] = end
    this.gapStart[i] = i === 0 ? 0 : (this.wordEnd[i - 1] as number)
    this.gapEnd[i] = start
    this.variable[i] = variable ? 1 : 0
    this.gapStart[i + 1] = end
    this.gapEnd[i + 1] = this.line.length
  }

  /** Words that are variables because of a variable beside them: dates, hosts before a port or address, bytes of a MAC. */
  #extend(): void {
    for (let i = this.count - 1; i >= 0; i--)
      if (this.variable[i] === 0 && (this.#isVariable(i + 1) || this.#isVariable(i - 1))) this.#extendOne(i)
    for (let i = 1; i < this.count; i++)
      if (this.variable[i] === 0 && this.variable[i - 1] === 1 && this.#isHexPair(i) && this.#gapIs(i, COLON))
        this.variable[i] = 1
  }

  #extendOne(i: number): void {
    const length = (this.wordEnd[i] as number) - (this.wordStart[i] as number)
    if (length > 1 && length <= KNOWN_WORD_CHARS_MAX && this.#isDate(i)) this.variable[i] = 1
    else if (this.#isVariable(i + 1) && this.#isHost(i)) this.variable[i] = 1
    else if (this.#isHexPair(i) && this.#isVariable(i + 1) && this.#gapIs(i + 1, COLON)) this.variable[i] = 1
  }

  #isVariable(i: number): boolean {
    return i >= 0 && i < this.count && this.variable[i] === 1
  }

  #isDate(i: number): boolean {
    const first = this.line.charCodeAt(this.wordStart[i] as number)
    return first >= 0x41 && first <= 0x5a && DATE_WORDS.has(this.word(i))
  }

  /** `a.b` before `:port`, ` [address]` or ` (address)`. */
  #isHost(i: number): boolean {
    const { line } = this
    const from = this.gapStart[i + 1] as number
    const to = this.gapEnd[i + 1] as number
    const last = line.charCodeAt(to - 1)
    const opens = last === OPEN || last === OPEN_SQUARE
    const fits = to - from === 1 ? last === COLON || opens : to - from === 2 && opens
    if (!fits || (to - from === 2 && line.charCodeAt(from) !== BLANK)) return false
    const dot = line.indexOf('.', (this.wordStart[i] as number) + 1)
    return dot > 0 && dot < (this.wordEnd[i] as number) - 1
  }

  #isHexPair(i: number): boolean {
    const start = this.wordStart[i] as number
    if ((this.wordEnd[i] as number) - start !== 2) return false
    return isHex(this.line.charCodeAt(start)) && isHex(this.line.charCodeAt(start + 1))
  }

  #gapIs(i: number, code: number): boolean {
    const start = this.gapStart[i] as number
    return (this.gapEnd[i] as number) - start === 1 && this.line.charCodeAt(start) === code
  }

  /** Makes one variable of those that belong together, in place. */
  #join(): void {
    const words = this.count
    let kept = 0
    let closing = 0
    for (let i = 0; i < words; i++) {
      const last = kept - 1
      if (kept > 0 && this.variable[last] === 1) {
        if (this.variable[i] === 0 && this.#isUnit(last, i)) {
          this.#swallow(last, i)
          closing = this.#closeAfter(kept, closing)
          continue
        }
        if (this.variable[i] === 1 && this.#joins(kept)) {
          closing = this.#opened(kept) || closing
          this.#swallow(last, i)
          closing = this.#closeAfter(kept, closing)
          continue
        }
      }
      if (this.variable[i] === 0) closing = 0
      this.#move(i, kept++)
    }
    this.count = kept
    for (let i = 0; i <= kept; i++) this.#trimGap(i)
  }

  #isUnit(last: number, i: number): boolean {
    const start = this.wordStart[i] as number
    const length = (this.wordEnd[i] as number) - start
    if (length > KNOWN_WORD_CHARS_MAX || !this.#gapIs(last + 1, BLANK)) return false
    return start - (this.wordEnd[last] as number) === 1 && UNITS.has(this.word(i))
  }

  /** Whether all of gap `i`, which stands between two variables, is joining punctuation. */
  #joins(i: number): boolean {
    const end = this.gapEnd[i] as number
    for (let at = this.gapStart[i] as number; at < end; at++)
      if ((classOf(this.line.charCodeAt(at)) & JOINER) === 0) return false
    return true
  }

  /** The bracket that closes what gap `i` opens; 0 where it opens nothing. */
  #opened(i: number): number {
    const end = this.gapEnd[i] as number
    for (let at = this.gapStart[i] as number; at < end; at++) {
      const code = this.line.charCodeAt(at)
      if (code === OPEN) return CLOSE
      if (code === OPEN_SQUARE) return CLOSE_SQUARE
    }
    return 0
  }

  /** Word `i` and the gap before it become part of the last kept word; the gap after it moves up. */
  #swallow(last: number, i: number): void {
    this.wordEnd[last] = this.wordEnd[i] as number
    this.gapStart[last + 1] = this.gapStart[i + 1] as number
    this.gapEnd[last + 1] = this.gapEnd[i + 1] as number
  }

  /** Takes the closing bracket into the variable that its opening one is in. What is still open after it. */
  #closeAfter(gap: number, closing: number): number {
    const start = this.gapStart[gap] as number
    if (closing === 0 || start >= (this.gapEnd[gap] as number)) return closing
    if (this.line.charCodeAt(start) !== closing) return closing
    this.gapStart[gap] = start + 1
    this.wordEnd[gap - 1] = start + 1
    return 0
  }

  #move(from: number, to: number): void {
    if (from === to) return
    this.wordStart[to] = this.wordStart[from] as number
    this.wordEnd[to] = this.wordEnd[from] as number
    this.variable[to] = this.variable[from] as number
    this.gapStart[to + 1] = this.gapStart[from + 1] as number
    this.gapEnd[to + 1] = this.gapEnd[from + 1] as number
  }

  /** ` ()` after a variable says that an optional part of it is missing, ` <` and ` ~` before one that it is rounded. */
  #trimGap(i: number): void {
    const { line } = this
    const start = this.gapStart[i] as number
    const end = this.gapEnd[i] as number
    if (end - start < 2) return
    if (i > 0 && this.variable[i - 1] === 1 && line.startsWith(' ()', start) && end - start >= 3)
      this.gapStart[i] = start + 3
    else if (i < this.count && this.variable[i] === 1) {
      const last = line.charCodeAt(end - 1)
      if ((last === LESS || last === TILDE) && line.charCodeAt(end - 2) === BLANK) this.gapEnd[i] = end - 1
    }
  }
}

/** The text of a template, both kinds of variables shown as `<*>`. */
export function textOf(parts: readonly string[]): string {
  let text = ''
  for (const part of parts) text += part === ANY_WORD ? VARIABLE : part
  return text
}

/** `/x`, `./x`, `../x`, `~/x`. */
function isPath(line: string, at: number): boolean {
  const first = line.charCodeAt(at)
  if (first === DOT || first === TILDE) {
    at++
    if (first === DOT && line.charCodeAt(at) === DOT) at++
  }
  if (line.charCodeAt(at) !== SLASH || at + 1 >= line.length) return false
  return (classOf(line.charCodeAt(at + 1)) & (SPACE | DELIMITER)) === 0
}

function isSentenceMark(code: number): boolean {
  return code === DOT || code === COLON || code === 0x2c || code === 0x3b || code === 0x21 || code === 0x3f
}

function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66)
}
