import { setTimeout as sleep } from 'node:timers/promises'
import { PortError } from '../ports/errors.ts'
import type { Deadline } from './deadline.ts'

export interface RetryRule {
  /** Tries altogether. */
  readonly attempts: number
  /** The pause before try n is random, up to `baseMs * 2^(n-1)` and never above `capMs` ("full jitter"). */
  readonly baseMs: number
  readonly capMs: number
  readonly deadline: Deadline
}

/**
 * Repeats an action while it fails with a curable PortError, until the tries or the time are used up; then its last
 * error stands. `attempt` counts from 1. Not for a produce request (docs/exactness.md, rule 2).
 * Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export async function withRetries<T>(action: (attempt: number) => Promise<T>, rule: RetryRule): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action(attempt)
    } catch (error) {
      const pauseMs = Math.random() * Math.min(rule.capMs, rule.baseMs * 2 ** (attempt - 1))
      const again = error instanceof PortError && error.curable && attempt < rule.attempts
      if (!again || rule.deadline.remainingMs() <= pauseMs) throw error
      await sleep(pauseMs)
    }
  }
}
