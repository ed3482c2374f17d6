import { z } from 'zod'
import type { Alert } from '../../lib/stream/alert.ts'
import { defineStream, type Stream } from '../../lib/stream/define.ts'
import type { Severity } from '../../lib/stream/detector.ts'
import { type Entry, writeEntry } from '../../lib/stream/entry.ts'
import { recordId } from '../../lib/stream/origin.ts'

/** A stream of `{host, text}` whose alerts are grouped by host in windows of a minute. */
export const sampleStream: Stream = defineStream({
  name: 'sample',
  title: 'Sample',
  description: 'For tests.',
  format: { name: 'json', compile: () => (bytes) => JSON.parse(bytes.toString()) },
  schema: z.object({ host: z.string(), text: z.string() }),
  views: {},
  alerts: { title: ({ host }) => `Trouble on ${host}`, group: ({ host }) => host, windowMs: 60_000 },
  partitions: 3,
})

export const START_MS = 1_700_000_000_000

export function sampleEntry(
  partition: number,
  offset: number,
  more: { severity?: Severity; score?: number; host?: string; text?: string; eventTime?: number } = {},
): Entry {
  const { severity, score = 0.5, host = `h${offset % 3}`, text = '', eventTime = START_MS + offset } = more
  return {
    site: 'sim',
    topic: 'sample.raw.g1',
    partition,
    offset,
    appendTime: eventTime,
    eventTime,
    outcome: 'ok',
    score,
    threshold: 0.7,
    model: 'm1',
    ...(severity && { severity, reasons: [{ feature: 'host', value: host, share: 1, text: 'rare' }] }),
    value: { host, text },
  }
}

export function sampleAlert(offset: number, more: Partial<Alert> = {}): Alert {
  const origin = { site: 'sim', topic: 'sample.raw.g1', partition: 0, offset }
  return {
    id: recordId(origin),
    stream: 'sample',
    severity: 'high',
    title: 'Trouble',
    group: `h${offset % 3}`,
    score: 0.8,
    threshold: 0.7,
    model: 'm1',
    reasons: [],
    firstSeenMs: START_MS + offset,
    lastSeenMs: START_MS + offset,
    count: 1,
    origin,
    record: { host: `h${offset % 3}` },
    ...more,
  }
}

/** A Kafka event of one enriched partition with the given entries at `fromOffset` and on. */
export function sampleEvent(partition: number, fromOffset: number, entries: readonly Entry[]) {
  const topic = 'sample.enriched.g1'
  const records = entries.map((entry, i) => ({
    topic,
    partition,
    offset: fromOffset + i,
    timestamp: START_MS,
    timestampType: 'LOG_APPEND_TIME',
    value: Buffer.from(writeEntry(entry)).toString('base64'),
  }))
  return { eventSource: 'aws:kafka', records: { [`${topic}-${partition}`]: records } }
}
