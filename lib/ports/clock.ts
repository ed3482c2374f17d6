/** Time as an argument, so that pure code and tests decide what time it is. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. May step; see the rule on epochs in docs/exactness.md. */
  nowMs(): number
  /** Resolves after `ms`; rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
