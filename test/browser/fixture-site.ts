import type {
  Alert,
  DeadLetter,
  Part,
  QueryRow,
  StageName,
  StageStatus,
  Status,
  StreamSummary,
} from '../../lib/serve/dashboard-messages.ts'
import { KINDS, type Kind, NORMAL_SERVICES } from './fixture-records.ts'

export interface SiteOptions {
  readonly name?: string
  /** Records a second that come in while the source plays. 0: nothing ever does. */
  readonly rate?: number
  /** Alerts a second while an attack goes on. */
  readonly alertRate?: number
  /** Groups that the alerts of one kind fall into: each is an incident of its own. */
  readonly groups?: number
  readonly model?: boolean
  readonly seed?: number
  /** Workers may be killed. */
  readonly local?: boolean
  /** Dead letters there are from the start. */
  readonly deadLetters?: number
}

interface Worker {
  readonly id: string
  readonly stage: StageName
  pid: number
  restarts: number
  state: Part['state']
}

export const SLOT_MS = 300_000
const RESTART_MS = { down: 700, starting: 1_500 }

/**
 * A site that only exists in numbers: records come in, four stages work through them at their own pace, workers die and
 * come back, alerts are raised. What a page is shown is thus consistent, and the same for one seed.
 */
export class FixtureSite {
  readonly alerts: Alert[] = []
  readonly deadLetters: DeadLetter[] = []
  readonly #options: Required<SiteOptions>
  readonly #startedMs: number
  readonly #workers: Worker[]
  readonly #totals: Record<StageName, number> = { collect: 0, score: 0, archive: 0, count: 0, notify: 0 }
  readonly #rates: Record<StageName, number> = { collect: 0, score: 0, archive: 0, count: 0, notify: 0 }
  readonly #random: () => number
  readonly #counts = new Map<number, Map<string, number>>()
  #nowMs: number
  #alertDebt = 0
  clients = 0
  /** Raises no more alerts. */
  quiet = false

  constructor(options: SiteOptions, nowMs: number) {
    this.#options = {
      name: 'local',
      rate: 2_400,
      alertRate: 14,
      groups: 1,
      model: true,
      seed: 7,
      local: true,
      deadLetters: 0,
      ...options,
    }
    this.#nowMs = nowMs
    this.#startedMs = nowMs - (this.#options.rate === 0 ? 4_000 : 8_040_000)
    this.#random = mulberry32(this.#options.seed)
    this.#workers = (['score', 'score', 'archive', 'count', 'notify'] as const).map((stage, i) => ({
      id: `worker-${i + 1}`,
      stage,
      pid: 4_312 + i,
      restarts: 0,
      state: 'up',
    }))
    if (this.#options.rate > 0) this.#past()
  }

  get streams(): readonly StreamSummary[] {
    return [
      {
        name: 'network',
        title: 'Network connections',
        detects: true,
        trains: true,
        page: { kind: 'shares' },
        description: 'Connection records, scored by a forest',
        views: [
          view('records', 'All records by outcome', ['@outcome'], ['count']),
          view('byService', 'Connections by service', ['service'], ['count', 'bytes', 'meanBytes']),
          view('byProtocolFlag', 'Connections by protocol and flag', ['protocol_type', 'flag'], ['count']),
        ],
      },
    ]
  }

  /** Plays on to `nowMs`. */
  advance(nowMs: number): void {
    const seconds = (nowMs - this.#nowMs) / 1_000
    this.#nowMs = nowMs
    if (seconds <= 0 || this.#options.rate === 0) return
    const beat = (nowMs / 1_000) % 24
    // Played for a while, then silent for a moment: the ledger then agrees to the record.
    const playing = beat < 20
    const wave = 1 + 0.25 * Math.sin(nowMs / 2_600) + 0.12 * this.#random()
    const came = playing ? Math.round(this.#options.rate * wave * seconds) : 0
    this.#work('collect', came, seconds)
    this.#countIn(came)
    this.#work('score', this.#capacity('score', 'collect', seconds), seconds)
    for (const stage of ['archive', 'count', 'notify'] as const)
      this.#work(stage, this.#capacity(stage, 'score', seconds), seconds)
    if (playing && this.#options.model && !this.quiet) this.#raise(seconds, beat)
  }

  status(): Status {
    const { collect, score, archive, count } = this.#totals
    const dead = this.deadLetters.length
    return {
      site: this.#options.name,
      startedMs: this.#startedMs,
      nowMs: this.#nowMs,
      demo: true,
      clients: this.clients,
      streams: [
        {
          name: 'network',
          ledger: {
            in: collect,
            scored: score,
            archived: archive,
            counted: count,
            deadLettered: dead,
            dropped: 0,
            alerts: this.alerts.length,
          },
          stages: this.#stages(),
          ...(this.#options.model
            ? { model: { version: 'm-2f9c41', publishedMs: this.#startedMs + 41_000 } }
            : {}),
        },
      ],
      parts: this.#parts(),
    }
  }

  /** False where no such worker may be killed. */
  kill(id: string): boolean {
    const worker = this.#workers.find((known) => known.id === id)
    if (worker === undefined || !this.#options.local) return false
    worker.state = 'down'
    setTimeout(() => {
      worker.state = 'starting'
    }, RESTART_MS.down).unref()
    setTimeout(() => {
      worker.state = 'up'
      worker.pid += 57
      worker.restarts++
    }, RESTART_MS.starting).unref()
    return true
  }

  rows(viewName: string, fromMs: number, toMs: number): readonly QueryRow[] {
    const rows: QueryRow[] = []
    for (const [slotMs, keys] of this.#counts) {
      if (slotMs < fromMs || slotMs >= toMs) continue
      if (viewName === 'records') {
        const count = [...keys.values()].reduce((sum, value) => sum + value, 0)
        rows.push({ key: 'ok', fields: { '@outcome': 'ok' }, from: slotMs, to: slotMs + SLOT_MS, count })
        continue
      }
      for (const [service, count] of keys) {
        const key = viewName === 'byService' ? service : service.length % 2 === 0 ? 'tcp|SF' : 'icmp|SF'
        const fields =
          viewName === 'byService' ? { service } : { protocol_type: key.split('|')[0], flag: 'SF' }
        rows.push({
          key,
          fields,
          from: slotMs,
          to: slotMs + SLOT_MS,
          count,
          bytes: count * 812,
          meanBytes: 812,
        })
      }
    }
    return rows
  }

  #past(): void {
    const slot = Math.floor(this.#nowMs / SLOT_MS) * SLOT_MS
    for (let at = slot - 24 * SLOT_MS; at <= slot; at += SLOT_MS) {
      const size = at === slot ? 3_000 : 16_000 + 9_000 * Math.sin(at / 1_900_000) + 4_000 * this.#random()
      this.#countIn(Math.round(size), at)
    }
    const total = [...this.#counts.values()].flatMap((keys) => [...keys.values()]).reduce((a, b) => a + b, 0)
    for (const stage of Object.keys(this.#totals) as StageName[]) this.#totals[stage] = total
    for (let i = 0; i < this.#options.deadLetters; i++) this.deadLetters.push(this.#deadLetter(i))
    if (!this.#options.model) return
    for (let i = 60; i > 0; i--) this.#alert(this.#nowMs - i * 41_000, KINDS[(i * 3) % KINDS.length] as Kind)
  }

  #deadLetter(i: number): DeadLetter {
    const reasons = [
      'expected 41 or 42 fields, found 17',
      'src_bytes: expected a whole number from 0 up',
      'expected text, found 1 byte that is not UTF-8 at 212',
    ]
    return {
      origin: {
        site: this.#options.name,
        topic: 'network.raw.g1',
        partition: i % 4,
        offset: 120_345 - i * 977,
      },
      stage: i % 3 === 1 ? 'validate' : 'parse',
      reason: reasons[i % 3] as string,
      appendTimeMs: this.#nowMs - i * 93_000 - 5_000,
      sizeBytes: 80 + i,
    }
  }

  #countIn(records: number, atMs = this.#nowMs): void {
    const slotMs = Math.floor(atMs / SLOT_MS) * SLOT_MS
    const keys = this.#counts.get(slotMs) ?? new Map<string, number>()
    this.#counts.set(slotMs, keys)
    let rest = records
    for (const [service, share] of NORMAL_SERVICES) {
      const part = Math.min(rest, Math.round(records * share * (0.7 + 0.6 * this.#random())))
      rest -= part
      if (part > 0) keys.set(service, (keys.get(service) ?? 0) + part)
    }
    if (rest > 0) keys.set('http', (keys.get('http') ?? 0) + rest)
  }

  #capacity(stage: StageName, before: StageName, seconds: number): number {
    const workers = this.#workers.filter((worker) => worker.stage === stage)
    const up = workers.filter(({ state }) => state === 'up').length / workers.length
    const waiting = this.#totals[before] - this.#totals[stage]
    // A stage takes what has gathered, in batches: some records are always on their way, until none come.
    const share = { collect: 1, score: 0.7, archive: 0.25, count: 0.5, notify: 0.6 }[stage]
    if (waiting <= 40) return up === 0 ? 0 : waiting
    return Math.min(
      waiting,
      Math.round(up * Math.max(waiting * share * 0.6, this.#options.rate * 0.2 * seconds)),
    )
  }

  #work(stage: StageName, records: number, seconds: number): void {
    this.#totals[stage] += records
    const smooth = Math.min(1, seconds)
    this.#rates[stage] += (records / seconds - this.#rates[stage]) * smooth
    if (this.#rates[stage] < 0.5) this.#rates[stage] = 0
  }

  #stages(): readonly StageStatus[] {
    const before = { collect: 'collect', score: 'collect', archive: 'score', count: 'score', notify: 'score' }
    const p50 = { collect: 2, score: 14, archive: 420, count: 31, notify: 26 }
    return (Object.keys(this.#totals) as StageName[]).map((stage) => ({
      stage,
      records: this.#totals[stage],
      recordsPerSecond: Math.round(this.#rates[stage]),
      lag: this.#totals[before[stage] as StageName] - this.#totals[stage],
      ...(this.#options.rate === 0 ? {} : { p50Ms: p50[stage] }),
    }))
  }

  #parts(): readonly Part[] {
    const fixed: Part[] = [
      {
        id: 'source',
        kind: 'source',
        name: 'Demo source',
        state: 'up',
        restarts: 0,
        killable: false,
        detail: this.#options.rate === 0 ? 'Waiting' : 'KDD Cup 1999, 2,400 records/s with bursts',
      },
      {
        id: 'log',
        kind: 'log',
        name: 'Event log',
        state: 'up',
        restarts: 0,
        killable: false,
        detail: '8 partitions, fsync every 50 ms',
      },
    ]
    const workers = this.#workers.map(
      ({ id, stage, pid, restarts, state }): Part => ({
        id,
        kind: 'worker',
        name: `${stage} ${id.slice(-1)}`,
        state,
        ...(state === 'down' ? {} : { pid }),
        restarts,
        killable: this.#options.local,
      }),
    )
    return [
      ...fixed,
      ...workers,
      { id: 'store', kind: 'store', name: 'State and objects', state: 'up', restarts: 0, killable: false },
      { id: 'socket', kind: 'socket', name: 'WebSocket', state: 'up', restarts: 0, killable: false },
    ]
  }

  #raise(seconds: number, beat: number): void {
    this.#alertDebt += this.#options.alertRate * seconds
    while (this.#alertDebt >= 1) {
      this.#alertDebt--
      const kind = KINDS[Math.floor(beat / 4 + this.#random() * 2.4) % KINDS.length] as Kind
      this.#alert(this.#nowMs, kind)
    }
  }

  #alert(atMs: number, kind: Kind): void {
    const windowMs = 60_000
    const offset = this.alerts.length * 131 + Math.floor(this.#random() * 100)
    const group = `${kind.group}/${Math.floor(this.#random() * this.#options.groups)}`
    this.alerts.push({
      ...kind,
      group,
      // As on `incidents/<stream>`: of the group and window, not of the record.
      id: `${group}@${Math.floor(atMs / windowMs)}`,
      stream: 'network',
      score: Math.min(0.999, kind.score + 0.03 * (this.#random() - 0.5)),
      threshold: 0.582,
      model: 'm-2f9c41',
      firstSeenMs: atMs,
      lastSeenMs: atMs,
      count: 1,
      origin: { site: this.#options.name, topic: 'network.raw.g1', partition: offset % 8, offset },
    })
  }
}

function view(name: string, title: string, groupBy: readonly string[], aggregates: readonly string[]) {
  const additive = aggregates.filter((aggregate) => aggregate !== 'meanBytes')
  return { name, title, groupBy, slotMs: SLOT_MS, aggregates, additive }
}

/** A small generator of numbers from 0 to below 1, the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
