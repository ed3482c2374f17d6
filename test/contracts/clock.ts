import { describe, expect, it } from 'vitest'
import type { Clock } from '../../lib/ports/clock.ts'

/** The contract of lib/ports/clock.ts. */
export function clockContract(name: string, open: () => Clock): void {
  describe(`clock: ${name}`, () => {
    it('tells the time in ms since 1970', () => {
      const before = Date.now()
      const now = open().nowMs()
      expect(now).toBeGreaterThanOrEqual(before)
      expect(now).toBeLessThanOrEqual(Date.now())
    })

    it('sleeps no shorter than asked', async () => {
      const clock = open()
      const before = performance.now()
      await clock.sleep(30)
      // Timers count whole milliseconds.
      expect(performance.now() - before).toBeGreaterThan(28)
    })

    it('wakes with a rejection when aborted, before or while it sleeps', async () => {
      const clock = open()
      await expect(clock.sleep(60_000, AbortSignal.abort())).rejects.toThrow()
      const abort = new AbortController()
      const sleeping = clock.sleep(60_000, abort.signal)
      abort.abort()
      await expect(sleeping).rejects.toThrow()
    })
  })
}
