import { createHash } from 'node:crypto'
import type { Alert } from '../../stream/alert.ts'
import type { TrendBurst } from '../dashboard-messages.ts'
import { SLIDE_MS } from './trending-view.ts'

/** Slots that are held against the past, as lib/detect/trends-bursts.ts has them. */
const RECENT_MS = 60_000
const TEXT_CHARS_MAX = 300
/** From which improbability on a burst is grave: one in 10^30. */
const GRAVE_LOG10P = -30

/** What the bursts that begin with one slide are told of. */
export interface BurstPlace {
  readonly site: string
  readonly stream: string
  /** Id of the view, and the field it counts by. */
  readonly view: string
  readonly field: string
  /** End of the slide, ms. */
  readonly to: number
  /** As a power of ten: a burst is less probable than that. */
  readonly log10PMax: number
}

/** The alert of a burst. Its id is of stream, key and slide: made again it is the same. */
export function burstAlert(place: BurstPlace, { key, uses, expected, log10P }: TrendBurst): Alert {
  const { site, stream, view, field, to, log10PMax } = place
  const fromMs = to - RECENT_MS
  const than = `${uses.toLocaleString('en-US')} uses in a minute, ${rounded(expected)} expected`
  const id = createHash('sha256').update([site, view, key, to].join('\n')).digest('hex')
  return {
    id: `burst-${id.slice(0, 32)}`,
    stream,
    severity: log10P <= GRAVE_LOG10P ? 'high' : 'medium',
    title: `Burst of ${key}: ${than}`.slice(0, TEXT_CHARS_MAX),
    group: key.slice(0, TEXT_CHARS_MAX),
    score: rounded(-log10P),
    threshold: rounded(-log10PMax),
    model: '',
    reasons: [
      {
        feature: field,
        value: key.slice(0, TEXT_CHARS_MAX),
        share: 1,
        text: `${than}: by chance in one of 10^${rounded(-log10P)} minutes, by its own past`,
      },
    ],
    firstSeenMs: fromMs,
    lastSeenMs: to - 1,
    count: 1,
    // No record crossed a limit: the alert is read from a view, so it names the view and the number of the slot.
    origin: { site, topic: view, partition: 0, offset: to / SLIDE_MS - 1 },
    record: { [field]: key, uses, expected: rounded(expected), log10P: rounded(log10P), from: fromMs, to },
  }
}

function rounded(x: number): number {
  return Math.round(x * 10) / 10
}
