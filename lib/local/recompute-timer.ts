import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { RunResult } from '../batch/run-result.ts'
import type { RecomputeOrder, RecomputeReport } from './recompute-worker.ts'
import { messageOf } from './trouble.ts'

const WORKER = fileURLToPath(new URL('./recompute-worker.ts', import.meta.url))
const EVERY_MS = 10 * 60_000
/** A process that dies is followed by another for the same run, so often. */
const TRIES_MAX = 5

export interface RecomputeTimerOptions {
  readonly streams: readonly string[]
  /** Environment of a worker of the pipeline; `WEIR_RECOMPUTE_MS` in it says how often, 0: only by hand. */
  readonly env: Readonly<Record<string, string>>
  readonly onTrouble: (message: string) => void
  readonly onResult?: (result: RunResult) => void
}

/**
 * Recomputes every stream from time to time, and by hand, each in a process of its own, one after the other: the scan must
 * not hold up the process that owns the log.
 */
export class RecomputeTimer {
  readonly #options: RecomputeTimerOptions
  #timer: NodeJS.Timeout | undefined
  #child: ChildProcess | undefined
  #stopped = false
  #last: Promise<unknown> = Promise.resolve()
  #scheduled = false

  constructor(options: RecomputeTimerOptions) {
    this.#options = options
  }

  /** Of the process that recomputes now; undefined while none does. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  start(): void {
    const { env } = this.#options
    const everyMs = Number(env.WEIR_RECOMPUTE_MS ?? process.env.WEIR_RECOMPUTE_MS ?? EVERY_MS)
    if (!(everyMs > 0)) return
    this.#timer = setInterval(() => void this.#all(), everyMs)
    this.#timer.unref()
  }

  /** Recomputes a stream after what is under way. Rejects where the run fails; undefined where another was faster. */
  run(stream: string, full = false): Promise<RunResult | undefined> {
    const order = { stream, run: `dev-${Date.now()}-${randomUUID().slice(0, 8)}`, full }
    const next = this.#last.then(() => this.#tried(order))
    this.#last = next.catch(() => undefined)
    return next
  }

  /** Ends it in any state: what it was doing is done the next time. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    this.#child?.kill('SIGKILL')
    await this.#last
  }

  async #all(): Promise<void> {
    if (this.#scheduled) return
    this.#scheduled = true
    for (const stream of this.#options.streams)
      await this.run(stream).catch((error: unknown) => {
        if (!this.#stopped) this.#options.onTrouble(`recompute of ${stream}: ${messageOf(error)}`)
      })
    this.#scheduled = false
  }

  async #tried(order: RecomputeOrder): Promise<RunResult | undefined> {
    for (let attempt = 1; !this.#stopped; attempt++) {
      const report = await this.#inProcess(order)
      if (report?.ok === true) {
        this.#options.onResult?.(report.result)
        return report.result
      }
      if (report?.refused === true) return undefined
      if (report !== undefined) throw new Error(report.message)
      if (attempt === TRIES_MAX) throw new Error(`its process died ${TRIES_MAX} times`)
    }
    return undefined
  }

  /** Undefined where the process dies before it says what has come of it. */
  #inProcess(order: RecomputeOrder): Promise<RecomputeReport | undefined> {
    const child = fork(WORKER, {
      execArgv: ['--conditions=local', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, ...this.#options.env },
      detached: true,
      stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
    })
    this.#child = child
    return new Promise((resolve) => {
      let report: RecomputeReport | undefined
      const end = () => {
        if (this.#child === child) this.#child = undefined
        resolve(report)
      }
      child.once('message', (message: RecomputeReport) => {
        report = message
      })
      child.once('error', end)
      child.once('close', end)
      child.send(order, () => undefined)
    })
  }
}
