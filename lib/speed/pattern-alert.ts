import { createHash } from 'node:crypto'
import { type Crossing, type Pair, stretchOf } from '../detect/patterns.ts'
import type { Alert } from '../stream/alert.ts'
import type { Reason } from '../stream/detector.ts'
import {
  eventTimeAggregate,
  type PatternDefinition,
  type SequencePattern,
  type ThresholdPattern,
} from '../stream/pattern.ts'
import type { Value } from '../stream/value.ts'
import { displayKey } from '../views/key.ts'
import type { States, View } from '../views/view.ts'

const TEXT_CHARS_MAX = 300

/** A pattern of a stream, and the view whose key its alerts are about. */
export interface NamedPattern<P extends PatternDefinition> {
  readonly site: string
  readonly stream: string
  readonly name: string
  readonly pattern: P
  readonly view: View
}

/** The alert of a window that reached its limit. `states`: what the view has of the key in the window. */
export function thresholdAlert(
  named: NamedPattern<ThresholdPattern>,
  key: string,
  crossing: Crossing,
  states: States,
): Alert {
  const { pattern, view } = named
  const { aggregate, limit, windowMs } = pattern
  const { fromMs, toMs, value } = crossing
  const figures = view.answer(states)
  const what = `${value.toLocaleString('en-US')} ${aggregate} in ${lengthOf(windowMs)}`
  const text = `${what}, from ${timeOf(fromMs)} to ${timeOf(toMs)}: the limit is ${limit.toLocaleString('en-US')}`
  return alertOf(named, key, crossing, {
    title: `${pattern.title}: ${displayKey(key)}: ${what}`,
    score: value,
    threshold: limit,
    reasons: [{ feature: aggregate, value, share: 1, text }],
    firstSeenMs: timeAmong(view, figures, 'min') ?? fromMs,
    lastSeenMs: timeAmong(view, figures, 'max') ?? toMs - 1,
    record: { ...figures, limit, from: timeOf(fromMs), to: timeOf(toMs) },
  })
}

/** The alert of a record that followed on another. */
export function sequenceAlert(named: NamedPattern<SequencePattern>, key: string, pair: Pair): Alert {
  const { pattern } = named
  const { first, next, windowMs } = pattern
  const { firstMs, thenMs } = pair
  const passed = `${((thenMs - firstMs) / 1_000).toLocaleString('en-US')} s`
  return alertOf(named, key, pair, {
    title: `${pattern.title}: ${displayKey(key)}: ${next} ${passed} after ${first}`,
    score: 1,
    threshold: 1,
    reasons: [
      { feature: first, value: timeOf(firstMs), share: 0.5, text: `${first} at ${timeOf(firstMs)}` },
      {
        feature: next,
        value: timeOf(thenMs),
        share: 0.5,
        text: `${next} at ${timeOf(thenMs)}, ${passed} later: at most ${lengthOf(windowMs)} counts`,
      },
    ],
    firstSeenMs: firstMs,
    lastSeenMs: thenMs,
    record: { [first]: timeOf(firstMs), [next]: timeOf(thenMs), afterMs: thenMs - firstMs },
  })
}

interface Found {
  readonly title: string
  readonly score: number
  readonly threshold: number
  readonly reasons: readonly Reason[]
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  readonly record: Value
}

function alertOf<P extends PatternDefinition>(
  { site, stream, name, pattern, view }: NamedPattern<P>,
  key: string,
  finding: { readonly slot: number },
  found: Found,
): Alert {
  const stretch = stretchOf(finding, pattern)
  const id = createHash('sha256')
    .update(JSON.stringify([site, stream, name, pattern.windowMs, key, stretch]))
    .digest('hex')
  return {
    ...found,
    id: `pattern-${id.slice(0, 32)}`,
    stream,
    severity: pattern.severity,
    title: cut(found.title),
    group: cut(`${pattern.group ?? name} ${displayKey(key)}`),
    model: '',
    reasons: found.reasons.map((reason) => ({ ...reason, text: cut(reason.text) })),
    count: 1,
    // No record is the alert: it is read from a view, so it names the view and the number of the slot.
    origin: {
      site,
      topic: view.id,
      partition: 0,
      offset: Math.floor(finding.slot / view.definition.slotMs),
    },
    record: { pattern: name, ...view.fieldsOf(key), ...found.record },
  }
}

function timeAmong(view: View, figures: Readonly<Record<string, unknown>>, kind: 'min' | 'max') {
  const name = eventTimeAggregate(view.definition, kind)
  const time = name === undefined ? undefined : figures[name]
  return typeof time === 'number' ? time : undefined
}

/** "5 minutes", "90 seconds". */
function lengthOf(ms: number): string {
  const [n, unit] = ms % 60_000 === 0 ? [ms / 60_000, 'minute'] : [ms / 1_000, 'second']
  return `${n.toLocaleString('en-US')} ${unit}${n === 1 ? '' : 's'}`
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

function cut(text: string): string {
  return text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX - 1)}…`
}
