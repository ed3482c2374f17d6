/** Where alerts begin, and how severe they are from where on. */
export interface Calibration {
  readonly threshold: number
  readonly bands: readonly [medium: number, high: number, critical: number]
}

/** A record isolated as quickly as a random point is. */
const BY_CHANCE = 0.5
/** How far from the usual score to that of chance the threshold lies. */
const THRESHOLD_AT = 0.45
/** Shares of the signatures above it between which it stays there. */
const FEW = 0.05
const MANY = 0.2
const ABOVE_MIN = 0.002

/**
 * Sets the threshold from the scores of the training signatures, without labels: a little under half the way from the
 * usual score, their median, to 0.5, the score of a point that is isolated as quickly as chance does it. Neither end of
 * that way moves when a part of the training rows is an attack, which is why it is no quantile (docs/detection.md
 * compares the rules tried). It is higher where that leaves few signatures above, which are then mostly the tail of what
 * is usual, and where it leaves many, because the scores then tell no two kinds apart; see `shareAbove`. Severities are
 * medium, high and critical for the highest 50, 20 and 5 % of the signatures above the threshold.
 */
export function calibrate(scores: Float64Array): Calibration {
  const sorted = scores.slice().sort()
  const usual = at(sorted, 0.5)
  const halfway = usual + THRESHOLD_AT * (BY_CHANCE - usual)
  const share = sorted.filter((score) => score >= halfway).length / sorted.length
  const wanted = shareAbove(share)
  const threshold = wanted < share ? Math.max(halfway, at(sorted, 1 - wanted)) : halfway
  const above = sorted.filter((score) => score >= threshold)
  const band = (quantile: number) => (above.length === 0 ? 1 : Math.max(threshold, at(above, quantile)))
  return { threshold, bands: [band(0.5), band(0.8), band(0.95)] }
}

/** The share of the signatures to leave above the threshold, where `share` are above halfway. Continuous. */
function shareAbove(share: number): number {
  if (share < FEW) return share ** 2 / FEW
  return share <= MANY ? share : Math.max(ABOVE_MIN, 2 * MANY - share)
}

function at(sorted: Float64Array, quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 1
}
