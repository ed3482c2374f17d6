import type { Look, Watch } from '../serve/watch.ts'
import { messageOf } from './trouble.ts'

export interface WatchTimerOptions {
  readonly watch: Watch
  readonly nowMs: () => number
  readonly onTrouble: (message: string) => void
  readonly everyMs?: number
}

/** How soon after it is due a slide closes. A look where nothing is due costs a few reads. */
const EVERY_MS = 2_000
/** As the deployed schedule. */
const ALERTS_EVERY_MS = 60_000
/** Nothing new is begun later: the next look goes on with it. */
const LOOK_MS_MAX = 30_000

/** What functions/watch does once a minute, in this process: slides as they are due, the rest once a minute. */
export class WatchTimer {
  readonly #options: WatchTimerOptions
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #alertsAtMs = 0

  constructor(options: WatchTimerOptions) {
    this.#options = options
  }

  start(): void {
    const { everyMs = EVERY_MS } = this.#options
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
      })
    }, everyMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  async #look(): Promise<void> {
    const { watch, nowMs } = this.#options
    const startedMs = nowMs()
    const untilMs = startedMs + LOOK_MS_MAX
    this.#tell(await watch.trends(untilMs))
    if (startedMs - this.#alertsAtMs < ALERTS_EVERY_MS) return
    this.#alertsAtMs = startedMs
    this.#tell(await watch.alerts(untilMs))
  }

  #tell({ failures }: Look): void {
    for (const { where, error } of failures) this.#options.onTrouble(`${where}: ${messageOf(error)}`)
  }
}
