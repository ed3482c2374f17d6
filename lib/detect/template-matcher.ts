import { templateIdOf } from './template-id.ts'
import { TemplateIndex } from './template-index.ts'
import { LineMask, textOf } from './template-mask.ts'

/** The template of a line. */
export interface TemplateMatch {
  readonly id: string
  /** The line with `<*>` for its variables. */
  readonly template: string
  /** False: no template is known for the line, and `template` is what its looks alone say. */
  readonly known: boolean
}

/** Known templates, ready to be matched against lines. A line that none is known for has its masked text for a template. */
export class TemplateMatcher {
  readonly #index = new TemplateIndex()
  readonly #matches: TemplateMatch[] = []
  readonly #mask = new LineMask()

  /** `templates`: gap, word, gap, ..., gap of each. */
  constructor(templates: Iterable<readonly string[]>) {
    for (const parts of templates) {
      const template = textOf(parts)
      this.#matches[this.#index.add(parts)] = { id: templateIdOf(template), template, known: true }
    }
  }

  match(line: string): TemplateMatch {
    this.#mask.scan(line)
    return this.#matches[this.#index.match(this.#mask)] ?? provisional(this.#mask)
  }

  /** What stands in the place of each variable of the line, in order. */
  variables(line: string): readonly string[] {
    this.#mask.scan(line)
    return this.#index.match(this.#mask) < 0 ? this.#mask.variables() : this.#index.variables()
  }
}

/** The template of a line by its looks alone. */
export function provisionalTemplate(line: string): TemplateMatch {
  MASK.scan(line)
  return provisional(MASK)
}

const MASK = new LineMask()

function provisional(mask: LineMask): TemplateMatch {
  const template = textOf(mask.parts())
  return { id: templateIdOf(template), template, known: false }
}
