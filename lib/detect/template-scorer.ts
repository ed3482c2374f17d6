import type { Reason, Scorer, Severity } from '../stream/detector.ts'
import type { Value } from '../stream/value.ts'
import { templateIdOf } from './template-id.ts'
import { textOf } from './template-mask.ts'
import { TemplateMatcher } from './template-matcher.ts'
import { type TemplateModel, templateModelFromBytes } from './template-model.ts'

/** Where a scorer finds what it reads in a record. */
export interface TemplateFields {
  /** The message, without a header. */
  readonly text: string
  /** Who wrote it. */
  readonly source: string
  /** How bad its writer thought it was: 0 (emergency) to 7 (debug), as in syslog. */
  readonly severity: string
}

/** Of a line that no template is known for. */
const NEW = 0.9
/** Added where the line itself says error or worse. */
const GRAVE = 0.1
const GRAVE_SEVERITY = 3
/** A template scores by its share of the lines: 0 for all of them, this for one in 100 million. */
const RAREST = 0.85
const RAREST_DIGITS = 8
/** One line in 10,000. */
const THRESHOLD = RAREST / 2
/** What was seen c times of n may well be as common as (c + 3) / n (the rule of three): only what is surely rare is called so. */
const SURELY = 3
const VALUES_SHOWN = 8
const VALUE_CHARS_MAX = 60

/**
 * Scores a log line by how rare its template is: 0.9 where none is known, below that by its share of the lines the
 * model was made of. Templates called normal score 0. It gives each line `templateId`, `template` and `templateKnown`.
 */
export class TemplateScorer implements Scorer {
  readonly version: string
  readonly threshold = THRESHOLD
  readonly #fields: TemplateFields
  readonly #lines: number
  readonly #matcher: TemplateMatcher
  readonly #counts = new Map<string, number>()
  readonly #normal: ReadonlySet<string>

  /** Throws a TemplateModelError on bytes that are no model of templates. */
  constructor(fields: TemplateFields, bytes: Uint8Array, version: string) {
    const model: TemplateModel = templateModelFromBytes(bytes)
    this.version = version
    this.#fields = fields
    this.#lines = model.lines
    this.#matcher = new TemplateMatcher(model.templates.map(({ parts }) => parts))
    for (const { parts, count } of model.templates) {
      const id = templateIdOf(textOf(parts))
      this.#counts.set(id, (this.#counts.get(id) ?? 0) + count)
    }
    this.#normal = new Set(model.normal)
  }

  describe(value: Value): Value {
    const { id, template, known } = this.#matcher.match(this.#textOf(value))
    if (!known && value.templateId === id) return value
    return { ...value, templateId: id, template, templateKnown: known }
  }

  scores(values: readonly Value[]): Float64Array {
    return Float64Array.from(values, (value) => this.#score(value))
  }

  severity(score: number): Severity | undefined {
    if (!(score >= THRESHOLD)) return undefined
    if (score >= NEW + GRAVE) return 'high'
    return score >= NEW ? 'medium' : 'low'
  }

  reasons(value: Value): readonly Reason[] {
    const template = String(value.template)
    const count = this.#counts.get(String(value.templateId))
    const of = `${this.#lines.toLocaleString('en-US')} lines the model was made of`
    const text =
      count === undefined
        ? `new: none of the ${of} was like this: ${template}`
        : `rare: ${count.toLocaleString('en-US')} of the ${of} ${count === 1 ? 'was' : 'were'} like this: ${template}`
    const reasons: Reason[] = [{ feature: 'template', value: template, share: 1, text }]
    const variables = this.#matcher.variables(this.#textOf(value))
    if (variables.length > 0) {
      const shown = variables.slice(0, VALUES_SHOWN).map((variable) => variable.slice(0, VALUE_CHARS_MAX))
      const more = variables.length > VALUES_SHOWN ? ', ...' : ''
      reasons.push({
        feature: 'variables',
        value: shown.join(', ') + more,
        share: 0,
        text: `its variables: ${shown.join(', ')}${more}`,
      })
    }
    return reasons
  }

  #score(value: Value): number {
    const id = String(value.templateId)
    if (this.#normal.has(id)) return 0
    const severity = value[this.#fields.severity]
    const grave = typeof severity === 'number' && severity <= GRAVE_SEVERITY ? GRAVE : 0
    const count = this.#counts.get(id)
    if (count === undefined) return NEW + grave
    const digits = Math.log10(this.#lines / (count + SURELY))
    return Math.min(RAREST, (Math.max(0, digits) / RAREST_DIGITS) * RAREST)
  }

  #textOf(value: Value): string {
    const text = value[this.#fields.text]
    return typeof text === 'string' ? text : ''
  }
}
