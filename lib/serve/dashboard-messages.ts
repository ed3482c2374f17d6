import type { IncidentMark } from '../state/alert-actions.ts'
import type { Alert, AlertFilter } from '../stream/alert.ts'
import type { Origin } from '../stream/origin.ts'

/**
 * The messages between Weir and a page: HTTP answers, and JSON text frames over WebSocket `/ws`. Types only, so that
 * the server and the browser share one description. Every time is in ms since 1970.
 */

// --- HTTP -----------------------------------------------------------------------------------------------------------

/** GET /api/streams: every stream of this site, in the order of their declaration. */
export type StreamsAnswer = readonly StreamSummary[]

export interface StreamSummary {
  readonly name: string
  readonly title: string
  readonly description: string
  /** It declares a detector or a score. Otherwise its records are never scored. */
  readonly detects: boolean
  /** It declares a detector, which needs a model: there is something to train. */
  readonly trains: boolean
  readonly page: StreamPage
  readonly views: readonly ViewSummary[]
}

/** What the page of a stream shows besides what every page has. The members name views of the stream. */
export type StreamPage =
  /** Bars of each view's keys with their shares. */
  | { readonly kind: 'shares' }
  /** Incidents from one host to another; records have source_ip and destination_ip. */
  | { readonly kind: 'incidents' }
  /** Templates of log lines; `view` counts by templateId and source. */
  | { readonly kind: 'templates'; readonly view: string }
  /** What trends now, from the channel `trends/<stream>`, and the past of any key, from `series`. */
  | { readonly kind: 'trends'; readonly trending: string; readonly series: string }

export interface ViewSummary {
  /** Without the stream: `byService`. A query asks for `<stream>.<name>`. */
  readonly name: string
  readonly title: string
  readonly groupBy: readonly string[]
  readonly slotMs: number
  /** Patterns are judged from it: it says little to people. */
  readonly forPatterns?: boolean
  /** Names of the aggregates, as they appear in a row. */
  readonly aggregates: readonly string[]
  /** Those of them that add up over keys and slots (counts and sums), so that bars can be stacked. Default: `count`. */
  readonly additive?: readonly string[]
}

/** GET /api/query?view=&from=&to=&key=&bySlot=true&layer=; `from` and `to` are ms or ISO, slots are [from, to). */
export interface QueryAnswer {
  readonly view: string
  readonly rows: readonly QueryRow[]
  /** Records appended before it come from the batch view, from it on from the speed boards; null: there is none yet. */
  readonly horizon: string | number | null
  /** Records appended before it may be missing, because the view is newer; null or absent: none are. ISO text. */
  readonly since?: string | null
  readonly asOf: string | number
}

/** One key over the whole range, or with `bySlot` one key in one slot. The aggregates are further members by name. */
export interface QueryRow {
  /** The values of the fields the view groups by, joined by `|`. */
  readonly key: string
  readonly fields: Readonly<Record<string, unknown>>
  /** Bounds of the slot or range, [from, to): ms, or ISO text. */
  readonly from: string | number
  readonly to: string | number
  readonly [aggregate: string]: unknown
}

/**
 * GET /api/alerts?stream=&since=&limit=&all=: incidents, grouped as on the channel `incidents/<stream>` and with the same
 * ids, oldest first. With `since`, those after the cursor; without, the newest `limit`. With `all=true` also those of
 * suppressed groups, and closed ones that nothing was added to since.
 */
export interface AlertsAnswer {
  readonly alerts: readonly (Alert & { readonly mark?: IncidentMark })[]
  /** Where to go on: the `since` of the next request or of a subscription. */
  readonly cursor: string
}

/**
 * POST /api/incidents: somebody sees to an incident, closes it, or takes that back. Answered 202 with `{mark}`. A closed one
 * opens again with an alert behind `cursor`. The local run only, as POST /api/suppress, which leaves a group out of
 * lists and pushes: `{stream, group, undo?}`.
 */
export interface IncidentRequest {
  readonly stream: string
  readonly id: string
  readonly state: IncidentMark['state'] | 'open'
  /** Last alert of the incident that the one who says so has seen. */
  readonly lastSeenMs: number
  /** Cursor of the last answer or frame of alerts that they have seen; without it, where the log ends now. */
  readonly cursor?: string
  readonly note?: string
}

/** GET /api/dead-letters?stream=&limit=: newest first. */
export interface DeadLettersAnswer {
  readonly deadLetters: readonly DeadLetter[]
}

export interface DeadLetter {
  readonly origin: Origin
  readonly stage: string
  readonly reason: string
  readonly appendTimeMs: number
  readonly sizeBytes?: number
}

/**
 * GET /api/templates?stream=: the templates of the model that scores a stream, commonest first. Without a model:
 * version null and no templates.
 */
export interface TemplatesAnswer {
  readonly version: string | null
  /** Lines the model was made of. */
  readonly lines: number
  /** Length of the slots that `usual` speaks of, ms. */
  readonly slotMs: number
  readonly templates: readonly TemplateSummary[]
}

export interface TemplateSummary {
  readonly templateId: string
  /** The message with <*> for its variables. */
  readonly template: string
  /** Lines of it, of those the model was made of. */
  readonly count: number
  /** An operator has called it normal: no line of it is an alert. */
  readonly normal: boolean
  /** So rare that its lines are alerts, unless it is called normal. */
  readonly rare: boolean
  readonly example: string
  /** Lines of it in a slot, by source, as the model has learned them. */
  readonly usual: readonly { readonly source: string; readonly linesASlot: number }[]
}

/** POST /api/templates/normal: calls a template normal, or with `undo` takes that back. Answered 202. The local run only. */
export interface NormalRequest {
  readonly stream: string
  readonly templateId: string
  readonly undo?: boolean
}

/** POST /api/kill: end a part's process with SIGKILL. Answered 202. The local run only. */
export interface KillRequest {
  /** A part's id; the part must be `killable`. */
  readonly part: string
}

/** Body of every HTTP answer that is not 2xx, and of a frame that reports a refused action. */
export interface ErrorAnswer {
  readonly error: { readonly code: string; readonly message: string; readonly channel?: string }
}

// --- Status ---------------------------------------------------------------------------------------------------------

/** GET /api/status, and once a second on the channel `status`. */
export interface Status {
  readonly site: string
  readonly startedMs: number
  readonly nowMs: number
  /** The demo source is playing. */
  readonly demo: boolean
  readonly streams: readonly StreamStatus[]
  readonly parts: readonly Part[]
  /** Open WebSocket connections. */
  readonly clients: number
}

export interface StreamStatus {
  readonly name: string
  readonly ledger: Ledger
  /** In the order records pass them. */
  readonly stages: readonly StageStatus[]
  /** The model that scores now. Absent: records are enriched, not scored. */
  readonly model?: { readonly version: string; readonly publishedMs: number }
}

/**
 * Exact totals since the site began. Once nothing is in flight, in = scored = archived = counted. `in` is read last, so
 * that in a running stream none of the others is ever above it: a page shows that as a broken promise.
 */
export interface Ledger {
  /** Records acknowledged by the raw log. */
  readonly in: number
  readonly scored: number
  /** Records of every outcome in the master. */
  readonly archived: number
  /** Records of every outcome in the view `records`. */
  readonly counted: number
  readonly deadLettered: number
  readonly dropped: number
  readonly alerts: number
}

export type StageName = 'collect' | 'score' | 'archive' | 'count' | 'notify'

export interface StageStatus {
  readonly stage: StageName
  /** Total records this stage has finished. */
  readonly records: number
  readonly recordsPerSecond: number
  /** Records appended before it that it has not finished. */
  readonly lag: number
  /** Median ms from append to done, of the last minute. */
  readonly p50Ms?: number
}

export interface Part {
  readonly id: string
  readonly kind: 'log' | 'worker' | 'store' | 'socket' | 'source'
  readonly name: string
  /** `idle`: a worker without work, which starts when there is some. */
  readonly state: 'up' | 'starting' | 'down' | 'idle'
  /** The one stream it works for. */
  readonly stream?: string
  readonly pid?: number
  /** Times it was started again since the site started. */
  readonly restarts: number
  readonly detail?: string
  /** POST /api/kill takes it. */
  readonly killable: boolean
}

// --- Alerts ---------------------------------------------------------------------------------------------------------

// One alert, or on `incidents/<stream>` the alerts of one group and window as one.
export type { Alert } from '../stream/alert.ts'

// --- WebSocket ------------------------------------------------------------------------------------------------------

/**
 * `alerts/<stream>`: each alert by itself. `incidents/<stream>`: grouped, the default for people. `trends/<stream>`: what
 * is used most, slide by slide, of a stream with the view `trending`.
 */
export type Channel = 'status' | `alerts/${string}` | `incidents/${string}` | `trends/${string}`

/** From a client. */
export type ClientMessage =
  | {
      readonly action: 'subscribe'
      readonly channel: Channel
      /** The last cursor seen: what came after it is sent first. Absent: from now on; of trends, the latest slide first. */
      readonly since?: string
      /** Only these alerts. Not of trends. */
      readonly where?: AlertFilter
    }
  | { readonly action: 'unsubscribe'; readonly channel: Channel }
  /** Answered by any frame at all. Keeps idle connections open. */
  | { readonly action: 'ping' }

/** From Weir. A frame may be sent twice, or once more together with others: see `from`. */
export type ServerMessage = AlertsMessage | TrendsMessage | StatusMessage | PongMessage | ErrorAnswer

export interface AlertsMessage {
  readonly channel: `alerts/${string}` | `incidents/${string}`
  /**
   * The cursor before this frame. A client that is at `from` takes the frame and is at `cursor` then; one that is at
   * `cursor` or beyond has had it and drops it; else it subscribes again with `since` its own cursor.
   */
  readonly from: string
  readonly cursor: string
  /** Empty in the answer to a subscription, which says where it begins. */
  readonly alerts: readonly Alert[]
}

/** Slides that closed. A frame may be sent twice: drop it where `cursor` is no further than one's own. */
export interface TrendsMessage {
  readonly channel: `trends/${string}`
  /** The cursor before this frame: as in `AlertsMessage`. */
  readonly from: string
  /** The end of the last slide, ms since 1970 as text; `0` before the first. */
  readonly cursor: string
  /** Oldest first; empty in the answer to a subscription where nothing has closed yet, or nothing since. */
  readonly slides: readonly TrendSlide[]
}

/** What was used most in the window [from, to) of event time, ms: ten minutes, every ten seconds. */
export interface TrendSlide {
  readonly from: number
  readonly to: number
  /** The 20 most used keys, most used first, those used equally in order of text. The rank is the place. */
  readonly top: readonly { readonly key: string; readonly count: number }[]
  /** Keys whose burst begins with this slide. */
  readonly bursts: readonly TrendBurst[]
  /** Uses in the window. */
  readonly uses: number
  /** Uses that came for the slot that leaves the window after it had closed: they were in no slide. */
  readonly late: number
  /** Partitions that gave nothing for a while were not waited for: what they still have of it will be late. */
  readonly provisional: boolean
  /** Some of `top` and `bursts`, the last of them, did not fit into a frame. */
  readonly cut?: boolean
}

export interface TrendBurst {
  readonly key: string
  /** Uses in the last minute before the slide's end, and how many its past lets expect. */
  readonly uses: number
  readonly expected: number
  /** Probability of so many uses or more by chance, as a power of ten: -9 is one in a thousand million. */
  readonly log10P: number
}

/** GET /api/trends?stream=&from=&to=&limit=: slides that ended in [from, to), the latest `limit` of them (1), oldest first. */
export interface TrendsAnswer {
  readonly stream: string
  readonly slides: readonly TrendSlide[]
}

export interface StatusMessage {
  readonly channel: 'status'
  readonly cursor: string
  readonly status: Status
}

export interface PongMessage {
  readonly pong: true
}
