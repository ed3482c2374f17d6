/** Scores of the training signatures, from which the threshold and the severities are set. */
export interface Calibration {
  readonly threshold: number
  readonly bands: readonly [number, number, number]
}

export function calibrate(scores: Float64Array): Calibration {
  const sorted = scores.slice().sort()
  const threshold = sorted[Math.floor(sorted.length * 0.8)] ?? 0.5
  const above = sorted.filter((s) => s >= threshold)
  const at = (q: number) => above[Math.min(above.length - 1, Math.floor(above.length * q))] ?? threshold
  return { threshold, bands: [at(0.5), at(0.8), at(0.95)] }
}
