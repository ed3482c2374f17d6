import type { Clock } from '../ports/clock.ts'

export interface TokenBucketOptions {
  readonly clock: Clock
  readonly ratePerS: number
  /** Tokens that may be saved up while nobody takes any, default a tenth of a second's worth, at least one. */
  readonly burst?: number
}

/**
 * Lets `ratePerS` tokens through a second. Tokens may be taken on credit and the next taker waits for it, so any number
 * can be taken at once. A clock that steps back or far ahead costs at most one burst.
 */
export class TokenBucket {
  readonly #clock: Clock
  readonly #ratePerS: number
  readonly #burst: number
  #tokens: number
  #lastMs: number

  constructor({ clock, ratePerS, burst }: TokenBucketOptions) {
    if (!(ratePerS > 0) || !Number.isFinite(ratePerS))
      throw new RangeError(`rate must be above 0, got ${ratePerS}`)
    this.#clock = clock
    this.#ratePerS = ratePerS
    this.#burst = burst ?? Math.max(1, ratePerS / 10)
    this.#tokens = this.#burst
    this.#lastMs = clock.nowMs()
  }

  /** Takes `count` tokens and returns how long to wait, in ms, before using them. */
  take(count: number): number {
    const nowMs = this.#clock.nowMs()
    const gained = (Math.max(0, nowMs - this.#lastMs) / 1000) * this.#ratePerS
    this.#lastMs = nowMs
    this.#tokens = Math.min(this.#burst, this.#tokens + gained) - count
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#ratePerS) * 1000
  }
}
