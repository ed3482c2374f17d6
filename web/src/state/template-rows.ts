import type { Alert, QueryRow, TemplatesAnswer } from '../../../lib/serve/dashboard-messages.ts'

/** A template with what came of it in a range. */
export interface TemplateRow {
  readonly templateId: string
  /** Undefined of an unknown one. */
  readonly template: string | undefined
  /** Lines in the range, and the same by source, most first. */
  readonly count: number
  readonly sources: readonly { readonly source: string; readonly count: number }[]
  /** Lines that the sources usually write in so long a range; undefined where the model does not say. */
  readonly usual: number | undefined
  /** `unknown`: lines that were counted before the model knew their like, and of which no alert tells the text. */
  readonly kind: 'new' | 'rare' | 'normal' | 'known' | 'unknown'
  readonly example: string | undefined
}

/** Fewer usual lines than this say nothing about a rate. */
const USUAL_MIN = 1
/** Usual, and not there at all: worth a row. */
const MISSED_MIN = 10

/**
 * Rows of a view by templateId and source, with what the model and the alerts know of the templates. `slots`: how many
 * slots of the model's length the range has; undefined where it has no length.
 */
export function templateRows(
  rows: readonly QueryRow[],
  model: TemplatesAnswer,
  alerts: readonly Alert[],
  slots: number | undefined,
): readonly TemplateRow[] {
  const known = new Map(model.templates.map((template) => [template.templateId, template]))
  const alerted = alertedTemplates(alerts)
  const found = countsOf(rows)
  for (const { templateId, usual } of model.templates)
    if (!found.has(templateId) && sum(usual.map(({ linesASlot }) => linesASlot)) * (slots ?? 0) >= MISSED_MIN)
      found.set(templateId, new Map())
  const result = [...found].map(([templateId, bySource]): TemplateRow => {
    const template = known.get(templateId)
    const sources = [...bySource].map(([source, count]) => ({ source, count }))
    const aSlot = sum(template?.usual.map(({ linesASlot }) => linesASlot) ?? [])
    return {
      templateId,
      template: template?.template ?? alerted.get(templateId)?.template,
      count: sum(sources.map(({ count }) => count)),
      sources: sources.sort((a, b) => b.count - a.count),
      usual: slots === undefined || aSlot * slots < USUAL_MIN ? undefined : aSlot * slots,
      kind:
        template === undefined
          ? alerted.has(templateId)
            ? 'new'
            : 'unknown'
          : template.normal
            ? 'normal'
            : template.rare
              ? 'rare'
              : 'known',
      example: alerted.get(templateId)?.example ?? template?.example,
    }
  })
  return result.sort((a, b) => b.count - a.count || (a.templateId < b.templateId ? -1 : 1))
}

/** How far from the usual a row is: 2 is twice as many lines, 0.5 half; undefined where there is no usual. */
export function ratioOf({ count, usual }: TemplateRow): number | undefined {
  return usual === undefined ? undefined : count / usual
}

/** More than half as much again, or a third less, of what would be some lines at least. */
export function isOff(row: TemplateRow): boolean {
  const ratio = ratioOf(row)
  return (
    ratio !== undefined &&
    (ratio >= 1.5 || ratio <= 1 / 1.5) &&
    Math.max(row.count, row.usual ?? 0) >= MISSED_MIN
  )
}

function countsOf(rows: readonly QueryRow[]): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>()
  for (const { fields, count } of rows) {
    const templateId = String(fields.templateId)
    const bySource = found.get(templateId) ?? new Map<string, number>()
    found.set(templateId, bySource.set(String(fields.source), Number(count ?? 0)))
  }
  return found
}

function alertedTemplates(alerts: readonly Alert[]) {
  const known = new Map<string, { readonly template: string; readonly example: string | undefined }>()
  for (const { record } of alerts) {
    const { templateId, template, message } = record
    if (typeof templateId === 'string' && typeof template === 'string')
      known.set(templateId, { template, example: typeof message === 'string' ? message : undefined })
  }
  return known
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
