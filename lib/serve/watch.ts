import { randomUUID } from 'node:crypto'
import type { WatermarkOptions } from '../detect/trends-watermark.ts'
import { beginInvocation, type Ports } from '../ports/ports.ts'
import type { AlertLog } from '../state/alert-log.ts'
import type { Stream } from '../stream/define.ts'
import { compileView, type View } from '../views/view.ts'
import { Pump, type PumpSettings } from './push.ts'
import { raiseRateChanges } from './rate-changes.ts'
import { TrendsCloser } from './trends/close.ts'
import { pushSlides } from './trends/push.ts'
import { trendingView } from './trends/trending-view.ts'

/** What one look came to. */
export interface Look {
  /** Connections that listen to a channel of trends. */
  readonly listening: number
  /** What failed, where; the others went on, and it is tried again with the next look. */
  readonly failures: readonly { readonly where: string; readonly error: unknown }[]
}

/**
 * What no record sets off, because it is due by time: slides of trends close, rates are looked at, and what is due is pushed.
 * Any number of functions may do it at once, or die at it: how far it is stands in the keyed store, moved by conditional puts.
 *
 * Alerts are pushed with each look, whoever raised them, so that those of a function that died before it could are late by no
 * more than the time between two looks.
 */
export class Watch {
  readonly #ports: Ports
  readonly #pump: Pump
  readonly #streams: readonly Stream[]
  readonly #trends: readonly { readonly stream: string; readonly closer: TrendsCloser }[]
  readonly #rates: readonly { readonly view: View; readonly log: AlertLog }[]

  constructor(
    ports: Ports,
    streams: readonly Stream[],
    settings: PumpSettings,
    watermark: WatermarkOptions = {},
  ) {
    this.#ports = ports
    this.#streams = streams
    this.#pump = new Pump(ports, streams, settings)
    this.#trends = streams.flatMap((stream) => {
      const view = trendingView(stream)
      if (view === undefined) return []
      const { name, partitions } = stream
      const log = this.#pump.logOf(name)
      return [
        { stream: name, closer: new TrendsCloser({ ports, stream: name, partitions, view, log, watermark }) },
      ]
    })
    this.#rates = streams.flatMap(({ name, detector, views }) => {
      const rateView = detector?.rateView
      const definition = rateView === undefined ? undefined : views[rateView]
      if (rateView === undefined || definition === undefined) return []
      return [{ view: compileView(name, rateView, definition), log: this.#pump.logOf(name) }]
    })
  }

  /** Closes the slides that are due and pushes them. Nothing new is begun after `untilMs`. */
  async trends(untilMs: number): Promise<Look> {
    let listening = 0
    const failures = await each(
      this.#trends,
      async ({ stream, closer }) => {
        try {
          const { slides, bursts } = await closer.close(untilMs)
          if (slides > 0) this.#record(stream, { slides, bursts })
          if (bursts > 0) await this.#push(stream, untilMs)
        } finally {
          // What closed before is pushed, whatever failed now.
          listening += (await pushSlides(this.#ports, stream, this.#pump.subscriptions)).listening
        }
      },
      ({ stream }) => `trends of ${stream}`,
    )
    return { listening, failures }
  }

  /** Raises what is not as usual in the slots that have ended, then sends every stream's alerts that have not been sent. */
  async alerts(untilMs: number): Promise<Look> {
    const rates = await each(
      this.#rates,
      async ({ view, log }) => {
        const { changes } = await raiseRateChanges(this.#ports, view, log)
        if (changes > 0) this.#record(log.stream, { rateChanges: changes })
      },
      ({ log }) => `rates of ${log.stream}`,
    )
    const pushed = await each(
      this.#streams,
      ({ name }) => this.#push(name, untilMs),
      ({ name }) => `push of ${name}`,
    )
    return { listening: 0, failures: [...rates, ...pushed] }
  }

  async #push(stream: string, untilMs: number): Promise<void> {
    const owner = randomUUID()
    const { frames, behind } = await this.#pump.run(stream, { owner, mine: [owner], untilMs })
    if (frames + behind > 0)
      this.#ports.metrics.record({ stage: 'push', stream, figures: { frames, behind } })
  }

  #record(stream: string, figures: Readonly<Record<string, number>>): void {
    this.#ports.metrics.record({ stage: 'watch', stream, figures })
  }
}

/** All at once; one that fails holds up no other. */
async function each<T>(
  all: readonly T[],
  look: (one: T) => Promise<void>,
  whereOf: (one: T) => string,
): Promise<Look['failures']> {
  const results = await Promise.allSettled(all.map(look))
  return results.flatMap((result, i) =>
    result.status === 'rejected' ? [{ where: whereOf(all[i] as T), error: result.reason as unknown }] : [],
  )
}

/** Kept of an invocation's time for what has begun. */
const ANSWER_MS = 10_000
/** Between two slides. */
const AGAIN_MS = 10_000
/** An invocation lasts no longer: the next one is due. */
const MINUTE_MS = 58_000

/**
 * The handler of functions/watch, invoked once a minute: nothing more can be scheduled. While somebody listens to trends it
 * stays, and looks every ten seconds; else what closed in a minute is closed and stored at once.
 */
export function watchHandler(ports: Ports, watch: Watch) {
  return async (_event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> => {
    beginInvocation(ports, context)
    const { clock } = ports
    const startedMs = clock.nowMs()
    const untilMs = startedMs + Math.min(MINUTE_MS, context.getRemainingTimeInMillis() - ANSWER_MS)
    const failures = [...(await watch.alerts(untilMs)).failures]
    for (;;) {
      const look = await watch.trends(untilMs)
      failures.push(...look.failures)
      if (look.listening === 0 || failures.length > 0 || clock.nowMs() + AGAIN_MS >= untilMs) break
      await clock.sleep(AGAIN_MS)
    }
    if (failures.length > 0)
      throw new Error(failures.map(({ where, error }) => `${where}: ${messageOf(error)}`).join('; '))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
