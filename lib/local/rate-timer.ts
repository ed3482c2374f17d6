import type { Ports } from '../ports/ports.ts'
import { raiseRateChanges } from '../serve/rate-changes.ts'
import { AlertLog } from '../state/alert-log.ts'
import type { Stream } from '../stream/define.ts'
import { compileView, type View } from '../views/view.ts'
import { messageOf } from './trouble.ts'

const EVERY_MS = 60_000

export interface RateTimerOptions {
  readonly ports: Ports
  readonly streams: readonly Stream[]
  readonly onTrouble: (message: string) => void
  readonly everyMs?: number
}

/** Looks every minute whether slots have ended whose rates are not as the model has them, and raises what it finds. */
export class RateTimer {
  readonly #options: RateTimerOptions
  readonly #watched: readonly { readonly view: View; readonly log: AlertLog }[]
  #timer: NodeJS.Timeout | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(options: RateTimerOptions) {
    this.#options = options
    this.#watched = options.streams.flatMap(({ name, detector, views }) => {
      const rateView = detector?.rateView
      const definition = rateView === undefined ? undefined : views[rateView]
      if (rateView === undefined || definition === undefined) return []
      return [{ view: compileView(name, rateView, definition), log: new AlertLog(name, options.ports) }]
    })
  }

  start(): void {
    if (this.#watched.length === 0) return
    this.#timer = setInterval(() => {
      this.#last = this.#last.then(() => this.#look())
    }, this.#options.everyMs ?? EVERY_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#last
  }

  async #look(): Promise<void> {
    const { ports, onTrouble } = this.#options
    for (const { view, log } of this.#watched)
      await raiseRateChanges(ports, view, log).catch((error: unknown) =>
        onTrouble(`rates of ${log.stream}: ${messageOf(error)}`),
      )
  }
}
