/** The templates of a stream's lines, and what is usual of each: what scoring needs. */
export interface TemplateModel {
  /** Lines it was made of. */
  readonly lines: number
  readonly templates: readonly KnownTemplate[]
  readonly rates: TemplateRates
  /** Ids that an operator has called normal: no line of theirs is an alert, known to this model or not. */
  readonly normal: readonly string[]
}

export interface KnownTemplate {
  /** Gap, word, gap, ..., gap. */
  readonly parts: readonly string[]
  /** Lines of it. */
  readonly count: number
  /** One of its lines. */
  readonly example: string
}

/** How many lines of a template a source writes in a slot of event time. */
export interface TemplateRates {
  readonly slotMs: number
  /** The commonest pairs of template and source. */
  readonly pairs: readonly TemplateRate[]
}

export interface TemplateRate {
  readonly templateId: string
  readonly source: string
  /** Slots that were looked at, those without a line included. */
  readonly slots: number
  readonly mean: number
  readonly variance: number
}

/** Bytes that are no model of this kind and form. */
export class TemplateModelError extends Error {
  override readonly name = 'TemplateModelError'
}

const KIND = 'templates'
const FORM = 1

/** The model as UTF-8 JSON. The same model always gives the same bytes. */
export function templateModelToBytes(model: TemplateModel): Uint8Array {
  return Buffer.from(JSON.stringify({ kind: KIND, form: FORM, ...model }))
}

/** Throws a TemplateModelError on what `templateModelToBytes` of this release did not make. */
export function templateModelFromBytes(bytes: Uint8Array): TemplateModel {
  const json = parsed(bytes)
  if (typeof json !== 'object' || json === null) throw wrong('it is no JSON object')
  const { kind, form, lines, templates, rates, normal } = json as Record<string, unknown>
  if (kind !== KIND || form !== FORM) throw wrong(`it is not of form ${FORM}. Train again`)
  if (typeof lines !== 'number' || !Array.isArray(templates) || !Array.isArray(normal))
    throw wrong('lines, templates or normal are missing')
  if (!templates.every(isTemplate)) throw wrong('a template is damaged')
  if (!isRates(rates)) throw wrong('the rates are damaged')
  return { lines, templates, rates, normal: normal.map(String) }
}

/** Undefined for what is no JSON: the parser's own message would quote lines. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

function isTemplate(json: unknown): json is KnownTemplate {
  if (typeof json !== 'object' || json === null) return false
  const { parts, count, example } = json as Record<string, unknown>
  const whole =
    Array.isArray(parts) && parts.length % 2 === 1 && parts.every((part) => typeof part === 'string')
  return whole && typeof count === 'number' && typeof example === 'string'
}

function isRates(json: unknown): json is TemplateRates {
  if (typeof json !== 'object' || json === null) return false
  const { slotMs, pairs } = json as Record<string, unknown>
  return typeof slotMs === 'number' && Array.isArray(pairs) && pairs.every(isRate)
}

function isRate(json: unknown): json is TemplateRate {
  if (typeof json !== 'object' || json === null) return false
  const { templateId, source, slots, mean, variance } = json as Record<string, unknown>
  return (
    typeof templateId === 'string' &&
    typeof source === 'string' &&
    [slots, mean, variance].every(Number.isFinite)
  )
}

function wrong(what: string): TemplateModelError {
  return new TemplateModelError(`template model: ${what}`)
}
