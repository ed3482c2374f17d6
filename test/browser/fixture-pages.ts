import { demoLogs } from '../../lib/collect/demo-logs.ts'
import { demoNids } from '../../lib/collect/demo-nids.ts'
import { demoOrders } from '../../lib/collect/demo-orders.ts'
import { demoPosts } from '../../lib/collect/demo-posts.ts'
import type { DemoStream } from '../../lib/collect/demo-record.ts'
import { type Slide, Trends } from '../../lib/detect/trends.ts'
import type {
  Alert,
  QueryRow,
  StreamStatus,
  StreamSummary,
  TemplatesAnswer,
  TrendSlide,
} from '../../lib/serve/dashboard-messages.ts'
import { incidentsOf } from '../../lib/serve/incidents.ts'
import { streamSummary } from '../../lib/serve/stream-summary.ts'
import { templatesOf } from '../../lib/serve/template-baseline.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { Scorer } from '../../lib/stream/detector.ts'
import type { Value } from '../../lib/stream/value.ts'
import { streams } from '../../streams/index.ts'

/** A record of a demo as its stream has it. */
export interface FixtureRecord {
  readonly value: Value
  readonly timeMs: number
}

export interface FixturePagesOptions {
  readonly nowMs: number
  /** How long ago the last record was, ms: of a file that was replayed. Default 0. */
  readonly agoMs?: number
  /** Streams without a record, and without a model. */
  readonly empty?: boolean
}

const PAST_MS = 2 * 3_600_000
const LIVE_MS = 4 * 60_000
const DEMOS: Readonly<Record<string, DemoStream>> = {
  nids: demoNids,
  logs: demoLogs,
  posts: demoPosts,
  orders: demoOrders,
}

/**
 * The streams besides `network`, of the demo's records of two hours and some minutes: parsed, enriched, scored, grouped
 * and slid over by Weir's own code, counted by a count of its own.
 */
export class FixturePages {
  readonly streams: readonly StreamSummary[]
  readonly records: ReadonlyMap<string, readonly FixtureRecord[]>
  readonly slides: readonly TrendSlide[]
  /** Half way: batch before it, speed after. */
  readonly horizonMs: number
  templates: TemplatesAnswer
  readonly #rows = new Map<string, readonly QueryRow[]>()
  readonly #alerts: ReadonlyMap<string, readonly Alert[]>

  private constructor(
    records: ReadonlyMap<string, readonly FixtureRecord[]>,
    model: { readonly answer: TemplatesAnswer; readonly scorer: Scorer | undefined },
    horizonMs: number,
  ) {
    this.records = records
    this.horizonMs = horizonMs
    this.streams = Object.keys(DEMOS).map((name) => streamSummary(streamNamed(name)))
    this.templates = model.answer
    this.slides = slidesOf(records.get('posts') ?? [])
    const nids = streamNamed('nids')
    this.#alerts = new Map([
      ['nids', alertsOf(nids, records.get('nids') ?? [], nids.scorer)],
      ['logs', alertsOf(streamNamed('logs'), records.get('logs') ?? [], model.scorer)],
    ])
  }

  static async make({ nowMs, agoMs = 0, empty = false }: FixturePagesOptions): Promise<FixturePages> {
    const startMs = nowMs - agoMs - LIVE_MS
    const records = new Map(
      Object.entries(DEMOS).map(([name, demo]) => [
        name,
        empty ? [] : recordsOf(streamNamed(name), demo, startMs),
      ]),
    )
    const logs = records.get('logs') ?? []
    const model = await templateModel(logs, startMs)
    const { scorer } = model
    if (scorer !== undefined)
      records.set(
        'logs',
        logs.map((record) => ({ ...record, value: scorer.describe?.(record.value) ?? record.value })),
      )
    return new FixturePages(records, model, startMs - PAST_MS / 2)
  }

  has(stream: string | null): boolean {
    return stream !== null && Object.hasOwn(DEMOS, stream)
  }

  /** Undefined for another stream. */
  rows(stream: string, view: string, fromMs: number, toMs: number): readonly QueryRow[] | undefined {
    const records = this.records.get(stream)
    if (records === undefined) return undefined
    const id = `${stream}.${view}`
    const rows = this.#rows.get(id) ?? countedBy(streamNamed(stream), view, records)
    this.#rows.set(id, rows)
    return rows.filter(({ from }) => Number(from) >= fromMs && Number(from) < toMs)
  }

  alerts(stream: string): readonly Alert[] {
    return this.#alerts.get(stream) ?? []
  }

  callNormal(templateId: string, undo: boolean): object {
    const templates = this.templates.templates.map((template) =>
      template.templateId === templateId ? { ...template, normal: !undo, rare: false } : template,
    )
    this.templates = { ...this.templates, templates }
    return {}
  }

  get statuses(): readonly StreamStatus[] {
    return [...this.records].map(([name, { length }]) => ({
      name,
      ledger: {
        in: length,
        scored: length,
        archived: length,
        counted: length,
        deadLettered: 0,
        dropped: 0,
        alerts: this.alerts(name).length,
      },
      stages: (['collect', 'score', 'archive', 'count', 'notify'] as const).map((stage) => ({
        stage,
        records: length,
        recordsPerSecond: 0,
        lag: 0,
      })),
      ...(name === 'logs' && this.templates.version !== null
        ? { model: { version: this.templates.version, publishedMs: this.horizonMs } }
        : {}),
    }))
  }
}

function streamNamed(name: string): Stream {
  const stream = streams.get(name)
  if (stream === undefined) throw new Error(`no stream ${name}`)
  return stream
}

function recordsOf(stream: Stream, demo: DemoStream, startMs: number): readonly FixtureRecord[] {
  const records: FixtureRecord[] = []
  for (const { line, atMs } of demo({ seed: 3, startMs, pastMs: PAST_MS })) {
    if (atMs >= LIVE_MS) return records
    const parsed = stream.parse(Buffer.from(line))
    if (!parsed.ok) throw new Error(`${stream.name}: ${parsed.reason}`)
    const timeMs = stream.timeOf(parsed.value, startMs + atMs) ?? startMs + atMs
    records.push({ value: stream.enrich(parsed.value), timeMs })
  }
  return records
}

/** Of the lines before the live ones, as the demo's first model is. */
async function templateModel(records: readonly FixtureRecord[], startMs: number) {
  const { detector } = streamNamed('logs')
  const past = records.filter(({ timeMs }) => timeMs < startMs)
  const observed = past.map(({ value, timeMs }) => ({ value, eventTimeMs: timeMs }))
  if (observed.length === 0 || detector?.learn === undefined)
    return { answer: { version: null, lines: 0, slotMs: 0, templates: [] }, scorer: undefined }
  const { bytes } = await detector.learn(
    async function* () {
      yield observed
    },
    { seed: 1, active: undefined },
  )
  return { answer: templatesOf(bytes, 'm-fixture', detector), scorer: detector.load(bytes, 'm-fixture') }
}

/** A count of its own: the page is held against it. */
function countedBy(stream: Stream, view: string, records: readonly FixtureRecord[]): readonly QueryRow[] {
  const definition = stream.views[view]
  if (definition === undefined) throw new Error(`no view ${stream.name}.${view}`)
  const { groupBy, slotMs, aggregates } = definition
  const rows = new Map<string, QueryRow & Record<string, unknown>>()
  for (const { value, timeMs } of records) {
    const from = Math.floor(timeMs / slotMs) * slotMs
    const fields = groupBy.map((field) => (field === '@outcome' ? 'ok' : value[field]))
    if (fields.some((field) => field === undefined)) continue
    // One array at most among the fields: each of its elements is a key.
    const keys = Array.isArray(fields[0]) ? fields[0].map((element) => [element]) : [fields]
    for (const key of keys) {
      const id = `${key.join('|')} ${from}`
      const row: QueryRow & Record<string, unknown> =
        rows.get(id) ?? rowOf(key.map(String), groupBy, from, slotMs)
      rows.set(id, row)
      for (const [name, aggregate] of Object.entries(aggregates)) {
        const more =
          aggregate.kind === 'count' ? 1 : aggregate.kind === 'sum' ? Number(value[aggregate.field]) : 0
        Object.assign(row, { [name]: Math.round((Number(row[name] ?? 0) + more) * 100) / 100 })
      }
    }
  }
  return [...rows.values()]
}

function rowOf(key: readonly string[], groupBy: readonly string[], from: number, slotMs: number) {
  const fields = Object.fromEntries(groupBy.map((field, i) => [field, key[i]]))
  return { key: key.join('|'), fields, from, to: from + slotMs }
}

function alertsOf(
  stream: Stream,
  records: readonly FixtureRecord[],
  scorer: Scorer | undefined,
): readonly Alert[] {
  if (scorer === undefined) return []
  const scores = scorer.scores(records.map(({ value }) => value))
  const alerts = records.flatMap(({ value, timeMs }, i): Alert[] => {
    const score = scores[i] ?? 0
    const severity = score >= scorer.threshold ? scorer.severity(score) : undefined
    if (severity === undefined) return []
    return [
      {
        id: `${stream.name}-${i}`,
        stream: stream.name,
        severity,
        title: stream.alertTitle(value),
        group: stream.alertGroup(value, severity),
        score,
        threshold: scorer.threshold,
        model: scorer.version,
        reasons: scorer.reasons(value),
        firstSeenMs: timeMs,
        lastSeenMs: timeMs,
        count: 1,
        origin: { site: 'local', topic: `${stream.name}.raw.g1`, partition: 0, offset: i },
        record: value,
      },
    ]
  })
  return incidentsOf(alerts, stream.alertWindowMs)
}

function slidesOf(records: readonly FixtureRecord[]): readonly TrendSlide[] {
  const trends = new Trends({ k: 20 })
  for (const { value, timeMs } of records)
    if (Array.isArray(value.hashtags)) for (const tag of value.hashtags) trends.add(String(tag), timeMs)
  const last = records.at(-1)?.timeMs
  const slides: readonly Slide[] = last === undefined ? [] : trends.closeTo(last)
  return slides.slice(-61).map((slide) => ({ ...slide, provisional: false }))
}
