/**
 * How long to wait before reconnecting: doubling from `firstMs` to `lastMs`, then a random half of it added or not, so
 * that many clients that lost the same server do not come back in the same instant.
 */
export function backoffMs(attempt: number, random: number, firstMs = 500, lastMs = 15_000): number {
  const fullMs = Math.min(lastMs, firstMs * 2 ** Math.min(attempt, 20))
  return Math.round(fullMs / 2 + (random * fullMs) / 2)
}
