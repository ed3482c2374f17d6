import type { Clock } from '../ports/clock.ts'
import type { Portion, Sender } from './sender.ts'
import { TokenBucket } from './token-bucket.ts'

/** A source that gives nothing for so long has what it gave before sent. */
export const PAUSE_MS = 50
/** Slept at a time where the rate is low: checkpoints go on meanwhile. */
const SLEEP_MS_MAX = 1000
/** What a rate lets through together. */
const RATE_STEP_S = 0.02

export interface FeederOptions {
  readonly clock: Clock
  readonly sender: Sender
  /** Records a second; as fast as they can be appended where it is left out. */
  readonly ratePerS: number | undefined
  readonly signal: AbortSignal
  /** After an abort: what was taken in is not sent, because it can be read again, or sent as fast as can be. */
  readonly afterAbort: 'leave' | 'send'
  /** Checkpoint and progress, when they are due. Rejects where another process has taken the run over. */
  readonly keepUp: () => Promise<void>
}

/** Gives blocks to the sender, no faster than the rate. Waits as long as the log is slower. */
export class Feeder {
  readonly #options: FeederOptions
  readonly #bucket: TokenBucket | undefined
  readonly #step: number

  constructor(options: FeederOptions) {
    const { clock, ratePerS } = options
    this.#options = options
    this.#bucket = ratePerS === undefined ? undefined : new TokenBucket({ clock, ratePerS })
    this.#step =
      ratePerS === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(ratePerS * RATE_STEP_S))
  }

  /** Takes a block, and calls `onTaken` with each part of it that the sender has. */
  async take(whole: Portion, onTaken: (portion: Portion) => void): Promise<void> {
    const { sender, signal, afterAbort, keepUp } = this.#options
    for (let from = 0; from < whole.to; from += this.#step) {
      // Before anything is sent: a process that was long asleep learns here that another has taken over.
      await keepUp()
      const portion = { ...whole, from, to: Math.min(whole.to, from + this.#step) }
      if (this.#bucket !== undefined && !sender.hasLanded(portion))
        await this.#waitForTurn(this.#bucket, portion.to - from)
      if (signal.aborted && afterAbort === 'leave') return
      await sender.take(portion)
      onTaken(portion)
    }
  }

  /** What waits for company goes now: nothing has come for a while. */
  async pause(): Promise<void> {
    await this.#options.sender.sendAll()
    await this.#options.keepUp()
  }

  async #waitForTurn(bucket: TokenBucket, records: number): Promise<void> {
    const { clock, sender, signal, keepUp } = this.#options
    const waitMs = bucket.take(records)
    if (waitMs <= 0 || signal.aborted) return
    const untilMs = clock.nowMs() + waitMs
    if (waitMs > PAUSE_MS) await sender.sendAll()
    else await sender.sendIdle()
    for (let leftMs = waitMs; leftMs > 0 && !signal.aborted; leftMs = untilMs - clock.nowMs()) {
      // An abort ends the sleep; the caller looks at the signal.
      await clock.sleep(Math.min(leftMs, waitMs, SLEEP_MS_MAX), signal).catch(() => undefined)
      await keepUp()
    }
  }
}
