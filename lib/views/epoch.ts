/** Length of an epoch, the unit in which the batch layer takes over from the speed layer. */
export const EPOCH_MS = 3_600_000

/**
 * The epoch of a record: its append time cut into recompute intervals. It never changes, so the record itself decides
 * which layer counts it (docs/exactness.md, rule 6).
 */
export function epochOf(appendTimeMs: number): number {
  return Math.floor(appendTimeMs / EPOCH_MS)
}
