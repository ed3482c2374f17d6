/** Where alerts begin, and how severe they are from where on. */
export interface Calibration {
  readonly threshold: number
  readonly bands: readonly [medium: number, high: number, critical: number]
}

/** A record isolated as quickly as a random point is. */
const BY_CHANCE = 0.5
/** How far from the usual score to that of chance the threshold lies. */
const THRESHOLD_AT = 0.4
/** Never is more than this share of the signatures above it. */
const ABOVE_MAX = 0.2

/**
 * Sets the threshold from the scores of the training signatures, without labels: four tenths of the way from the usual
 * score, their median, to 0.5, the score of a point that is isolated as quickly as chance does it; higher where more than a
 * fifth of the signatures would be above. Neither end of that way moves when a part of the training rows is an attack, which is
 * why it is no quantile (docs/detection.md compares the rules tried). Severities are medium, high and critical for the highest 50,
 * 20 and 5 % of the signatures above the threshold.
 */
export function calibrate(scores: Float64Array): Calibration {
  const sorted = scores.slice().sort()
  const usual = at(sorted, 0.5)
  const threshold = Math.max(usual + THRESHOLD_AT * (BY_CHANCE - usual), at(sorted, 1 - ABOVE_MAX))
  const above = sorted.filter((score) => score >= threshold)
  const band = (quantile: number) => (above.length === 0 ? 1 : Math.max(threshold, at(above, quantile)))
  return { threshold, bands: [band(0.5), band(0.8), band(0.95)] }
}

function at(sorted: Float64Array, quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 1
}
