import { messageOf } from './trouble.ts'
import { WorkerProcess } from './worker-process.ts'

/** More often than deployed: an hour's files are merged soon after it is over, and there is nothing to pay. */
const EVERY_MS = 10 * 60_000
const TIMEOUT_MS = 5 * 60_000
const IDLE_MS = 10_000

export interface UpkeepOptions {
  readonly streams: readonly string[]
  /** Environment of a worker of the pipeline. */
  readonly env: Readonly<Record<string, string>>
  readonly onTrouble: (message: string) => void
  readonly everyMs?: number
}

/** Runs the function `compact` for each stream from time to time, as its schedule does where it is deployed. */
export class UpkeepTimer {
  readonly worker: WorkerProcess
  readonly #options: UpkeepOptions
  #timer: NodeJS.Timeout | undefined
  #running = false
  #stopped = false

  constructor(options: UpkeepOptions) {
    this.#options = options
    const { env } = options
    this.worker = new WorkerProcess({
      id: 'compact-0',
      functionName: 'compact',
      env,
      timeoutMs: TIMEOUT_MS,
      idleMs: IDLE_MS,
    })
  }

  start(): void {
    this.#timer = setInterval(() => void this.#run(), this.#options.everyMs ?? EVERY_MS)
    this.#timer.unref()
  }

  /** Ends it in any state: what it was doing is done the next time. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.worker.stop()
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    for (const stream of this.#options.streams)
      try {
        if (!this.#stopped) await this.worker.invoke([Buffer.from(JSON.stringify({ stream }))])
      } catch (error) {
        if (!this.#stopped) this.#options.onTrouble(messageOf(error))
      }
    this.#running = false
  }
}
