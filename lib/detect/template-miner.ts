import { TemplateIndex } from './template-index.ts'
import { LineMask } from './template-mask.ts'
import { mergeForms } from './template-merge.ts'

/** A template as it was mined. */
export interface MinedTemplate {
  /** Gap, word, gap, ..., gap. */
  readonly parts: readonly string[]
  /** Lines of it. */
  readonly count: number
  /** The first of its lines. */
  readonly example: string
}

/** Forms held at most; about 1 kB each. */
const FORMS_MAX = 20_000
const EXAMPLE_CHARS_MAX = 500

interface Held {
  readonly parts: readonly string[]
  count: number
  readonly example: string
}

/**
 * Mines templates from lines, in one pass and bounded memory: counts the distinct masked forms, and makes templates of
 * them (`mergeForms`). Where there are too many forms it does so at once, goes on with the templates, and forgets the rarest where
 * even those are too many: a line of a forgotten one still has an id, that of its masked text.
 */
export class TemplateMiner {
  readonly #formsMax: number
  readonly #mask = new LineMask()
  #index = new TemplateIndex()
  #held: Held[] = []
  /** Lines taken in. */
  lines = 0
  /** Lines whose form was forgotten. */
  forgotten = 0

  constructor({ formsMax = FORMS_MAX }: { readonly formsMax?: number } = {}) {
    this.#formsMax = formsMax
  }

  add(line: string): void {
    this.lines++
    this.#mask.scan(line)
    const known = this.#index.match(this.#mask)
    if (known >= 0) {
      ;(this.#held[known] as Held).count++
      return
    }
    if (this.#held.length >= this.#formsMax) this.#compact()
    this.#hold({ parts: this.#mask.parts(), count: 1, example: line.slice(0, EXAMPLE_CHARS_MAX) })
  }

  /** The templates of all lines so far, in order of their first line. */
  templates(): readonly MinedTemplate[] {
    return mergeForms(this.#held)
      .map(({ parts, members }) => {
        const first = Math.min(...members)
        const count = members.reduce((sum, member) => sum + (this.#held[member]?.count ?? 0), 0)
        return { parts, count, example: this.#held[first]?.example ?? '', first }
      })
      .sort((a, b) => a.first - b.first)
  }

  #compact(): void {
    let kept: readonly MinedTemplate[] = this.templates()
    const most = Math.floor(this.#formsMax / 2)
    if (kept.length > most) {
      const byCount = kept.map(({ count }) => count).sort((a, b) => b - a)
      const least = byCount[most] ?? 0
      kept = kept.filter(({ count }) => count > least)
    }
    this.#index = new TemplateIndex()
    this.#held = []
    for (const template of kept) this.#hold(template)
    this.forgotten = this.lines - 1 - this.#held.reduce((sum, { count }) => sum + count, 0)
  }

  #hold({ parts, count, example }: MinedTemplate): void {
    const at = this.#index.add(parts)
    if (at === this.#held.length) this.#held.push({ parts, count, example })
    else (this.#held[at] as Held).count += count
  }
}
