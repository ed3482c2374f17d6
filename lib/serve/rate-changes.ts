import { createHash } from 'node:crypto'
import { templateIdOf } from '../detect/template-id.ts'
import { textOf } from '../detect/template-mask.ts'
import { type TemplateModel, type TemplateRate, templateModelFromBytes } from '../detect/template-model.ts'
import { DEVIATIONS_MIN, PAIRS_MAX, type RateChange, rateChange } from '../detect/template-rates.ts'
import type { Ports } from '../ports/ports.ts'
import type { AlertLog } from '../state/alert-log.ts'
import { activeModel, modelBytes } from '../state/models.ts'
import type { Alert } from '../stream/alert.ts'
import type { Severity } from '../stream/detector.ts'
import type { View } from '../views/view.ts'
import { queryView } from './query.ts'

/** Lines of one slot of event time that are more or fewer than a template's past with a source lets expect. */
export interface TemplateRateChange extends RateChange {
  readonly templateId: string
  readonly template: string
  readonly source: string
  /** Of the slot, ms. */
  readonly fromMs: number
  readonly toMs: number
  /** A line of the template. */
  readonly example: string
}

type RatePorts = Pick<Ports, 'site' | 'keyed' | 'objects' | 'clock' | 'epochMs'>

/** A slot is over this long after its end: lines that come later are counted, and no longer judged. */
const GRACE_MS = 60_000
/** Slots that one check looks at; it goes on with the others the next time. */
const SLOTS_MAX = 288
/** Deviations from which on a change is grave. */
const GRAVE_DEVIATIONS = 20
const NONE: ReadonlyMap<string, Counted> = new Map()

/**
 * What of the slots from `fromMs` to before `toMs` is not as the model's baseline has it. `view` counts lines by template
 * id and source, in slots as long as the baseline's. Templates called normal are left out. Undefined without a model.
 */
export async function rateChanges(
  ports: RatePorts,
  view: View,
  stream: string,
  range: { readonly fromMs: number; readonly toMs: number },
): Promise<{ readonly model: string; readonly changes: readonly TemplateRateChange[] } | undefined> {
  const version = (await activeModel(ports, stream))?.version
  if (version === undefined) return undefined
  const model = templateModelFromBytes(await modelBytes(ports, stream, version))
  const { slotMs } = model.rates
  if (slotMs !== view.definition.slotMs)
    throw new Error(
      `${view.id} counts in slots of ${view.definition.slotMs} ms, the model in ${slotMs}: train again`,
    )
  const first = Math.floor(range.fromMs / slotMs) * slotMs
  const found = await countsOf(ports, view, { from: first, to: range.toMs })
  const baseline = new Baseline(model)
  const changes: TemplateRateChange[] = []
  for (let fromMs = first; fromMs < range.toMs; fromMs += slotMs)
    changes.push(...baseline.changes(fromMs, found.get(fromMs) ?? NONE))
  return { model: version, changes }
}

/**
 * Puts what has changed in the slots that are over into the stream's alert log, each change once: a page is written in one
 * transaction with how far the checks have come. The first check looks at the last slot. How many there were.
 */
export async function raiseRateChanges(
  ports: RatePorts,
  view: View,
  log: AlertLog,
): Promise<{ readonly changes: number; readonly toMs: number | undefined }> {
  const { slotMs } = view.definition
  const overMs = Math.floor((ports.clock.nowMs() - GRACE_MS) / slotMs) * slotMs
  const pk = `rates/${log.stream}`
  const before = await ports.keyed.get(pk, 'checked')
  const fromMs = before === undefined ? overMs - slotMs : Number(before.rev)
  const toMs = Math.min(overMs, fromMs + SLOTS_MAX * slotMs)
  if (toMs <= fromMs) return { changes: 0, toMs: undefined }
  const answer = await rateChanges(ports, view, log.stream, { fromMs, toMs })
  if (answer === undefined) return { changes: 0, toMs: undefined }
  const item = { pk, sk: 'checked', rev: String(toMs), data: new Uint8Array(0) }
  const condition = before === undefined ? ('absent' as const) : { rev: before.rev }
  const alerts = answer.changes.map((change) => alertOf(ports.site, view, log.stream, answer.model, change))
  const written =
    alerts.length > 0
      ? (await log.append(alerts, { item, condition })) === 'done'
      : (await ports.keyed.put(item, condition)).ok
  return written ? { changes: alerts.length, toMs } : { changes: 0, toMs: undefined }
}

interface Counted {
  readonly templateId: string
  readonly source: string
  readonly count: number
}

/** Lines by slot, and there by template and source. */
async function countsOf(
  ports: RatePorts,
  view: View,
  range: { readonly from: number; readonly to: number },
): Promise<ReadonlyMap<number, ReadonlyMap<string, Counted>>> {
  const { rows } = await queryView(ports, view, { ...range, bySlot: true }, ports.clock.nowMs())
  const slots = new Map<number, Map<string, Counted>>()
  for (const { fields, from, count } of rows) {
    const { templateId = '', source = '' } = fields
    const slot = slots.get(Date.parse(from)) ?? new Map<string, Counted>()
    slots.set(
      Date.parse(from),
      slot.set(pairKey(templateId, source), { templateId, source, count: Number(count) }),
    )
  }
  return slots
}

function pairKey(templateId: string, source: string): string {
  return `${templateId} ${source}`
}

/** A model's baseline, ready to judge slots by. */
class Baseline {
  readonly #slotMs: number
  readonly #rates: ReadonlyMap<string, TemplateRate>
  readonly #sources: ReadonlySet<string>
  readonly #templates: ReadonlyMap<string, { readonly template: string; readonly example: string }>
  /** Pairs beyond those the model follows may be common too. */
  readonly #whole: boolean

  constructor({ rates, templates, normal }: TemplateModel) {
    const ignored = new Set(normal)
    this.#slotMs = rates.slotMs
    this.#rates = new Map(rates.pairs.map((rate) => [pairKey(rate.templateId, rate.source), rate]))
    this.#sources = new Set(rates.pairs.map(({ source }) => source))
    this.#whole = rates.pairs.length < PAIRS_MAX
    this.#templates = new Map(
      templates
        .map(({ parts, example }) => ({ template: textOf(parts), example }))
        .map((template) => [templateIdOf(template.template), template] as const)
        .filter(([id]) => !ignored.has(id)),
    )
  }

  *changes(fromMs: number, found: ReadonlyMap<string, Counted>): Generator<TemplateRateChange> {
    for (const [key, rate] of this.#rates) yield* this.#change(rate, rate, found.get(key)?.count ?? 0, fromMs)
    if (!this.#whole) return
    // A known source that never wrote a known template in all those slots.
    for (const [key, pair] of found)
      if (!this.#rates.has(key) && this.#sources.has(pair.source))
        yield* this.#change(pair, { mean: 0, variance: 0 }, pair.count, fromMs)
  }

  *#change(
    { templateId, source }: Pick<Counted, 'templateId' | 'source'>,
    rate: Pick<TemplateRate, 'mean' | 'variance'>,
    count: number,
    fromMs: number,
  ): Generator<TemplateRateChange> {
    const template = this.#templates.get(templateId)
    const change = template === undefined ? undefined : rateChange(rate, count)
    if (template === undefined || change === undefined) return
    yield { ...change, ...template, templateId, source, fromMs, toMs: fromMs + this.#slotMs }
  }
}

function alertOf(site: string, view: View, stream: string, model: string, change: TemplateRateChange): Alert {
  const { templateId, template, source, direction, found, expected, deviations, fromMs, toMs, example } =
    change
  const minutes = Math.round((toMs - fromMs) / 60_000)
  const than = `${found.toLocaleString('en-US')} lines in ${minutes} minutes, ${round(expected)} expected`
  const id = createHash('sha256').update([site, view.id, templateId, source, fromMs].join('\n')).digest('hex')
  return {
    id: `rate-${id.slice(0, 32)}`,
    stream,
    severity: severityOf(deviations),
    title: `Rate ${direction} from ${source}: ${than}: ${template}`.slice(0, 300),
    group: `${source} ${templateId}`.slice(0, 300),
    score: round(deviations),
    threshold: DEVIATIONS_MIN,
    model,
    reasons: [
      {
        feature: 'rate',
        value: found,
        share: 1,
        text: `${than}: ${round(deviations)} standard deviations ${direction === 'up' ? 'more' : 'fewer'}`,
      },
    ],
    firstSeenMs: fromMs,
    lastSeenMs: toMs - 1,
    count: 1,
    // No record crossed a limit: the alert is read from a view, so it names the view and the number of the slot.
    origin: { site, topic: view.id, partition: 0, offset: Math.floor(fromMs / (toMs - fromMs)) },
    record: { templateId, template, source, message: example, found, expected: round(expected), direction },
  }
}

function severityOf(deviations: number): Severity {
  return deviations >= GRAVE_DEVIATIONS ? 'high' : 'medium'
}

function round(x: number): number {
  return Math.round(x * 10) / 10
}
