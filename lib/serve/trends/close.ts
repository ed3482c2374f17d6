import { Trends } from '../../detect/trends.ts'
import type { WatermarkOptions } from '../../detect/trends-watermark.ts'
import { PortError } from '../../ports/errors.ts'
import type { ConditionalPut } from '../../ports/keyed-store.ts'
import type { Ports } from '../../ports/ports.ts'
import type { AlertLog } from '../../state/alert-log.ts'
import { type Newest, readAllProgress } from '../../state/progress.ts'
import { topicName } from '../../stream/topic.ts'
import type { View } from '../../views/view.ts'
import type { TrendSlide } from '../dashboard-messages.ts'
import { burstAlert } from './burst-alerts.ts'
import { type Due, dueOf } from './due.ts'
import { fittedSlide, slidePuts } from './slides.ts'
import { type StateHead, TrendsStateStore } from './state.ts'
import { SLIDE_MS } from './trending-view.ts'
import { firstSlot, readUses, sumOf } from './uses.ts'

export type TrendsPorts = Pick<Ports, 'site' | 'keyed' | 'objects' | 'clock'>

export interface TrendsOptions {
  readonly ports: TrendsPorts
  readonly stream: string
  /** Partitions that the stream's topics have at least. */
  readonly partitions: number
  readonly view: View
  readonly log: AlertLog
  readonly watermark?: WatermarkOptions
}

export interface Closed {
  readonly slides: number
  readonly bursts: number
}

const WINDOW_MS = 600_000
const TRENDS = { slideMs: SLIDE_MS, windowMs: WINDOW_MS, k: 20 }
/** As the bursts' test has it: one false an hour, shared out over its slides. */
const LOG10_P_MAX = Math.log10(SLIDE_MS / 3_600_000)
/** Slides of one step: it holds what they count in memory, twice, and a transaction takes 100 items. */
const SLIDES_MAX = 12
/** Slides are kept as long as the view's slots. */
const DAYS_KEPT = 2
const DAY_MS = 86_400_000
const RACES_MAX = 20

/**
 * Closes the slots of one stream's view `trending` that are due, each once, in order, whoever does it: a step reads how far
 * count has come, then the boards, and writes the slides, the alerts of bursts that begin with them and the new state in
 * one transaction, under the condition that the state is the one that was read. What a slot held when it was closed stays in
 * the state; what comes to it later shows in `late` of the slide with which it leaves the window.
 */
export class TrendsCloser {
  readonly #options: TrendsOptions
  readonly #store: TrendsStateStore
  /** What was last written here. It is what is stored as long as the item has that rev. */
  #warm: { readonly rev: string; readonly trends: Trends } | undefined
  #swept = false

  constructor(options: TrendsOptions) {
    this.#options = options
    this.#store = new TrendsStateStore(options.ports, options.stream)
  }

  /** Closes what is due; what is left at `untilMs` comes the next time. */
  async close(untilMs: number): Promise<Closed> {
    const { clock } = this.#options.ports
    let [slides, bursts, races] = [0, 0, 0]
    for (;;) {
      const step = await this.#step()
      if (step === 'level') return { slides, bursts }
      if (step === 'moved') {
        if (++races === RACES_MAX) throw moving(this.#options.stream)
        continue
      }
      slides += step.slides
      bursts += step.bursts
      if (clock.nowMs() >= untilMs) return { slides, bursts }
    }
  }

  async #step(): Promise<Closed | 'level' | 'moved'> {
    const { ports, partitions, watermark } = this.#options
    const newest = await this.#newest()
    if (newest.size === 0) return 'level'
    const before = await this.#read()
    const { head, trends } = before
    const due = dueOf(newest, partitions, SLIDE_MS, { wokeMs: head.wokeMs }, ports.clock.nowMs(), watermark)
    // From here on `trends` is ahead of what is stored, and nobody else's.
    this.#warm = undefined
    const slides = await this.#slides(trends, due)
    if (slides === undefined && due.wokeMs === head.wokeMs) {
      if (before.rev !== undefined) this.#warm = { rev: before.rev, trends }
      return 'level'
    }
    return this.#commit(before, due, slides ?? [])
  }

  /** Before the boards: they hold what the progress accounts for, and may be ahead of it. */
  async #newest(): Promise<ReadonlyMap<number, Newest>> {
    const { ports, stream } = this.#options
    const all = await readAllProgress(ports.keyed, 'count', topicName(stream, 'enriched'))
    return new Map([...all].flatMap(([partition, { newest }]) => (newest ? [[partition, newest]] : [])))
  }

  async #read(): Promise<Before> {
    const warm = this.#warm
    if (warm !== undefined) {
      const { rev, head } = await this.#store.head()
      if (rev === warm.rev) return { rev, head, trends: warm.trends }
    }
    if (!this.#swept) await this.#store.sweep()
    this.#swept = true
    const { rev, head, trends } = await this.#store.read()
    return { rev, head, trends: trends === undefined ? new Trends(TRENDS) : Trends.fromState(trends, TRENDS) }
  }

  /** Slides of the slots that are due, `SLIDES_MAX` of them at most; undefined where there is nothing to be closed. */
  async #slides(trends: Trends, due: Due): Promise<readonly TrendSlide[] | undefined> {
    const { ports, view } = this.#options
    const next = trends.nextMs
    if (due.toMs <= (next ?? Number.NEGATIVE_INFINITY)) return undefined
    const empty = next === undefined || trends.uses === 0
    const first = empty ? await firstSlot(ports, view, next ?? 0, due.toMs) : next
    if (first === undefined) {
      if (next === undefined) return undefined
      trends.closeTo(due.toMs)
      return []
    }
    const to = Math.min(due.toMs, first + SLIDES_MAX * SLIDE_MS)
    const [closing, leaving] = await Promise.all([
      readUses(ports, view, first, to),
      readUses(ports, view, first - WINDOW_MS, to - WINDOW_MS),
    ])
    const slides: TrendSlide[] = []
    for (let slot = first; slot < to; slot += SLIDE_MS) {
      const left = slot - WINDOW_MS
      trends.addLate(Math.max(0, sumOf(leaving.get(left)) - trends.closedUses(left)))
      // In one order, so that what is made of them is the same wherever it is made.
      const uses = [...(closing.get(slot) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [key, count] of uses) trends.add(key, slot, count)
      for (const slide of trends.closeTo(slot + SLIDE_MS))
        slides.push({ ...slide, provisional: due.provisional })
    }
    return slides
  }

  async #commit(before: Before, due: Due, slides: readonly TrendSlide[]): Promise<Closed | 'moved'> {
    const { stream, ports } = this.#options
    const lastTo = slides.at(-1)?.to ?? before.head.lastTo
    const head = {
      ...(due.wokeMs !== undefined && { wokeMs: due.wokeMs }),
      ...(lastTo !== undefined && { lastTo }),
    }
    const { objectKey, ...put } = await this.#store.replacing(before, head, before.trends.toState())
    const expiresAtS = Math.ceil((ports.clock.nowMs() + DAYS_KEPT * DAY_MS) / 1000)
    const puts = [put, ...slidePuts(stream, slides.map(fittedSlide), expiresAtS)]
    const alerts = slides.flatMap(({ to, bursts }) =>
      bursts.map((burst) => burstAlert(this.#place(to), burst)),
    )
    // A condition that failed may be one's own success, answered twice.
    if (!(await this.#write(alerts, puts)) && (await this.#store.head()).rev !== put.item.rev) {
      await this.#store.forget(objectKey)
      return 'moved'
    }
    this.#warm = { rev: put.item.rev, trends: before.trends }
    await this.#store.forget(before.head.objectKey)
    return { slides: slides.length, bursts: alerts.length }
  }

  async #write(alerts: Parameters<AlertLog['append']>[0], puts: readonly ConditionalPut[]): Promise<boolean> {
    const { log, ports } = this.#options
    if (alerts.length > 0) return (await log.append(alerts, ...puts)) === 'done'
    return (await ports.keyed.transact(puts)).ok
  }

  #place(to: number) {
    const { ports, stream, view } = this.#options
    const field = view.definition.groupBy[0] ?? ''
    return { site: ports.site, stream, view: view.id, field, to, log10PMax: LOG10_P_MAX }
  }
}

interface Before {
  readonly rev: string | undefined
  readonly head: StateHead
  readonly trends: Trends
}

function moving(stream: string): PortError {
  const message = `trends of ${stream}: others were faster ${RACES_MAX} times in a row`
  return new PortError('THROTTLED', message, { curable: true })
}
