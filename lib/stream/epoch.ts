/** Length of an epoch where a deployment does not choose one, ms: deployed, and on one machine. */
export const EPOCH_MS_DEPLOYED = 3_600_000
export const EPOCH_MS_LOCAL = 60_000

const DAY_MS = 86_400_000
const EPOCH_MS_MIN = 1_000

/** An epoch is a second or longer and divides a day, so that days, hours and epochs begin together. */
export function isEpochLength(epochMs: number): boolean {
  return Number.isSafeInteger(epochMs) && epochMs >= EPOCH_MS_MIN && DAY_MS % epochMs === 0
}

/**
 * The epoch of a record: its append time cut into recompute intervals. It never changes, so the record itself decides
 * which layer counts it (docs/exactness.md, rule 6). `epochMs`: `Ports.epochMs`.
 */
export function epochOf(appendTimeMs: number, epochMs: number): number {
  return Math.floor(appendTimeMs / epochMs)
}
