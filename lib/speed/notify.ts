import { createHash } from 'node:crypto'
import type { Ports } from '../ports/ports.ts'
import type { AlertLog } from '../state/alert-log.ts'
import { moveProgress, type Progress, progressPut, readProgress } from '../state/progress.ts'
import { RaiseOnce } from '../state/raise-once.ts'
import type { Alert } from '../stream/alert.ts'
import type { Stream } from '../stream/define.ts'
import type { Reason } from '../stream/detector.ts'
import { type OkEntry, readEntry } from '../stream/entry.ts'
import { type Origin, recordId } from '../stream/origin.ts'
import type { EntryStage, SeenBatch } from './entry-consumer.ts'
import { entryConsumer } from './entry-consumer.ts'
import type { KafkaHandler } from './kafka-event.ts'
import { type PushAlerts, pushAfter } from './push-after.ts'

const STAGE = 'notify'
const TITLE_CHARS_MAX = 300
const REASON_CHARS_MAX = 300
const REASONS_MAX = 5

/** The handler of `notify`: alerts are stored, then pushed. */
export function notifyHandler(stream: Stream, ports: Ports, log: AlertLog, push: PushAlerts): KafkaHandler {
  const store = entryConsumer(stream.name, notifyStage(stream, ports, log), ports)
  return pushAfter(stream.name, ports, store, push)
}

/**
 * Puts the alerts among first-seen entries into the stream's alert log, one page a batch, in one transaction with the
 * progress: each is in the log exactly once, whatever is delivered again, dies or overlaps (docs/exactness.md, rule 11).
 *
 * What a stream raises once, however many records there are of it (`alerts.once`), goes in before under marks of its own:
 * a batch that comes again finds them.
 */
export function notifyStage(
  stream: Stream,
  ports: Pick<Ports, 'keyed'>,
  log: AlertLog,
): EntryStage<{ readonly progress: Progress }> {
  const once = new RaiseOnce(ports.keyed, log)
  return {
    name: STAGE,
    load: async (topic, partition) => ({
      progress: await readProgress(ports.keyed, STAGE, topic, partition),
    }),
    apply: async (batch, { progress }) => {
      const at = { stage: STAGE, topic: batch.topic, partition: batch.partition }
      const { onces, alerts } = alertsOf(stream, batch)
      if (onces.length > 0) await once.raise(onces)
      if (alerts.length > 0) return log.append(alerts, progressPut(at, progress, batch.progress))
      return (await moveProgress(ports.keyed, at, progress, batch.progress)) ? 'done' : 'moved'
    },
  }
}

/** The batch's alerts, apart from those that are raised once. */
function alertsOf(
  stream: Stream,
  batch: SeenBatch,
): { readonly onces: readonly Alert[]; readonly alerts: readonly Alert[] } {
  const alerts: Alert[] = []
  const onces = new Map<string, Alert>()
  for (const { text } of batch.entries) {
    const alert = alertOfEntry(stream, text)
    if (alert === undefined) continue
    const id = stream.hasAlertOnce ? onceId(stream, alert) : undefined
    if (id === undefined) alerts.push(alert)
    else if (!onces.has(id)) onces.set(id, { ...alert, id })
  }
  return { onces: [...onces.values()], alerts }
}

/** The id of an alert that is raised once: of what it is raised for. Undefined: it is raised for its own record. */
function onceId(stream: Stream, { record, firstSeenMs, origin }: Alert): string | undefined {
  const raisedFor = describe(() => stream.alertOnce(record))
  if (raisedFor === undefined) return undefined
  const { key, windowMs } = raisedFor
  const window = windowMs === undefined ? null : Math.floor(firstSeenMs / windowMs)
  const named = JSON.stringify([origin.site, stream.name, key, window])
  return `once-${createHash('sha256').update(named).digest('hex').slice(0, 32)}`
}

/** The alert of an entry, given as its text; undefined for one that is none. */
export function alertOfEntry(stream: Stream, text: string): Alert | undefined {
  // Most entries are no alerts, and this is far cheaper than parsing them. A record may have such a field of its own.
  if (!text.includes('"severity":')) return undefined
  const entry = readEntry(text)
  return entry.outcome === 'ok' && entry.severity !== undefined ? alertOf(stream, entry) : undefined
}

/** Everything but the record is cut to a bound, so that an alert without it fits into any frame. */
function alertOf(stream: Stream, entry: OkEntry): Alert {
  const { site, topic, partition, offset, eventTime, severity = 'low', value } = entry
  const origin: Origin = { site, topic, partition, offset }
  return {
    id: recordId(origin),
    stream: stream.name,
    severity,
    title: cut(describe(() => stream.alertTitle(value)) ?? `Unusual ${stream.name} record`, TITLE_CHARS_MAX),
    group: cut(describe(() => stream.alertGroup(value, severity)) ?? stream.name, TITLE_CHARS_MAX),
    score: entry.score ?? 0,
    threshold: entry.threshold ?? 0,
    model: entry.model ?? '',
    reasons: (entry.reasons ?? []).slice(0, REASONS_MAX).map(shortReason),
    firstSeenMs: eventTime,
    lastSeenMs: eventTime,
    count: 1,
    origin,
    record: value,
  }
}

/** A stream's own function may throw on a record it did not foresee; a retry would not cure that. */
function describe<T>(what: () => T): T | undefined {
  try {
    return what()
  } catch {
    return undefined
  }
}

function shortReason({ feature, value, share, text }: Reason): Reason {
  const short = typeof value === 'string' ? cut(value, REASON_CHARS_MAX) : value
  return { feature, value: short, share, text: cut(text, REASON_CHARS_MAX) }
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`
}
