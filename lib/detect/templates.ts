import type { DetectorDefinition, Learned, LearnOptions, Observed } from '../stream/detector.ts'
import type { Value } from '../stream/value.ts'
import { CannotTrainError } from './cannot-train-error.ts'
import { CodeLength } from './template-cost.ts'
import { templateIdOf } from './template-id.ts'
import { textOf } from './template-mask.ts'
import { TemplateMatcher } from './template-matcher.ts'
import { TemplateMiner } from './template-miner.ts'
import { type TemplateModel, templateModelFromBytes, templateModelToBytes } from './template-model.ts'
import { RateCounts } from './template-rates.ts'
import { type TemplateFields, TemplateScorer } from './template-scorer.ts'

/** Fewer lines make every other one a new template. */
const LINES_MIN = 100

/**
 * Templates of log lines: mined by trainings over all lines, with one configuration for all systems. A line of an unknown
 * template, or of a rare one, is an alert. Lines are read twice: to mine, then to count by template, source and slot.
 */
export function templates(
  fields: TemplateFields,
  options: Pick<DetectorDefinition, 'rateView'> = {},
): DetectorDefinition {
  const read = new Reading(fields)
  return {
    kind: 'templates',
    ...options,
    features: [fields.text, fields.source],
    train(rows) {
      const lines = [...rows].map((value) => ({ value, eventTimeMs: 0 }))
      const miner = new TemplateMiner()
      for (const { value } of lines) miner.add(read.text(value))
      const counting = new Counting(read, miner, undefined)
      counting.add(lines)
      return counting.learned()
    },
    async learn(records, { active }) {
      const miner = new TemplateMiner()
      for await (const some of records()) for (const { value } of some) miner.add(read.text(value))
      const counting = new Counting(read, miner, active)
      for await (const some of records()) counting.add(some)
      return counting.learned()
    },
    load: (bytes, version) => new TemplateScorer(fields, bytes, version),
  }
}

class Reading {
  readonly #fields: TemplateFields

  constructor(fields: TemplateFields) {
    this.#fields = fields
  }

  text(value: Value): string {
    const text = value[this.#fields.text]
    return typeof text === 'string' ? text : ''
  }

  source(value: Value): string {
    const source = value[this.#fields.source]
    return typeof source === 'string' ? source : ''
  }
}

/** The second reading: how many lines of each template, and how well the model and the active one say what is in them. */
class Counting {
  readonly #read: Reading
  readonly #mined: ReturnType<TemplateMiner['templates']>
  readonly #matcher: TemplateMatcher
  readonly #counts = new Map<string, number>()
  readonly #rates = new RateCounts()
  readonly #own: CodeLength
  readonly #active: CodeLength | undefined
  readonly #normal: StillNormal | undefined
  #lines = 0
  #forgotten = 0

  constructor(read: Reading, miner: TemplateMiner, active: LearnOptions['active']) {
    if (miner.lines < LINES_MIN)
      throw new CannotTrainError(
        `${miner.lines} lines cannot make a model of templates: it takes ${LINES_MIN}`,
      )
    this.#read = read
    this.#mined = miner.templates()
    this.#matcher = new TemplateMatcher(this.#mined.map(({ parts }) => parts))
    this.#own = new CodeLength(this.#mined, miner.lines)
    const standing = active === undefined ? undefined : loaded(active)
    this.#active = standing && new CodeLength(standing.templates, standing.lines)
    this.#normal = standing && standing.normal.length > 0 ? new StillNormal(standing) : undefined
  }

  add(lines: readonly Observed[]): void {
    for (const { value, eventTimeMs } of lines) {
      const text = this.#read.text(value)
      const { id, known } = this.#matcher.match(text)
      this.#lines++
      if (known) this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
      else this.#forgotten++
      this.#rates.add(id, this.#read.source(value), eventTimeMs)
      this.#own.add(text)
      this.#active?.add(text)
      this.#normal?.add(text, id)
    }
  }

  learned(): Learned {
    const templates = this.#mined.map(({ parts, example }) => ({
      parts,
      count: this.#counts.get(templateIdOf(textOf(parts))) ?? 0,
      example,
    }))
    const rates = this.#rates.rates()
    const normal = this.#normal?.ids() ?? []
    const model: TemplateModel = { lines: this.#lines, templates, rates, normal }
    const own = this.#own.bitsPerLine
    return {
      bytes: templateModelToBytes(model),
      report: {
        lines: this.#lines,
        templates: templates.length,
        seenOnce: templates.filter(({ count }) => count === 1).length,
        forgottenLines: this.#forgotten,
        rates: rates.pairs.length,
        normal: model.normal.length,
        bitsPerLine: Math.round(own * 100) / 100,
      },
      records: this.#lines,
      cost: { name: 'bits a line', own, active: this.#active?.bitsPerLine },
    }
  }
}

function loaded(bytes: Uint8Array): TemplateModel | undefined {
  try {
    return templateModelFromBytes(bytes)
  } catch {
    return undefined
  }
}

/**
 * What was called normal stays so, also where its lines are of other templates now: what was a template, or how lines
 * looked that none was known for, may be merged with others, or split. No line that was normal is an alert again.
 */
class StillNormal {
  readonly #normal: Set<string>
  readonly #before: ReadonlySet<string>
  readonly #matcher: TemplateMatcher

  constructor({ templates, normal }: TemplateModel) {
    this.#before = new Set(normal)
    this.#normal = new Set(normal)
    this.#matcher = new TemplateMatcher(templates.map(({ parts }) => parts))
  }

  /** `id`: of the template that the line has now. */
  add(line: string, id: string): void {
    if (this.#before.has(this.#matcher.match(line).id)) this.#normal.add(id)
  }

  ids(): readonly string[] {
    return [...this.#normal].sort()
  }
}
