/** Where alerts begin, and how severe they are from where on. */
export interface Calibration {
  readonly threshold: number
  readonly bands: readonly [medium: number, high: number, critical: number]
  /** 'two groups' or 'one group': which rule set the threshold. */
  readonly rule: 'two groups' | 'one group'
}

const BINS = 256
/** Share of the variance that a cut into two must explain: what it explains of evenly spread scores, which have no groups. */
const TWO_GROUPS_MIN = 0.75
/** Where there is one group, this share of the signatures is above the threshold. */
const TAIL = 0.01

/**
 * Sets the threshold from the scores of the training signatures, without labels. Where they form two groups, it lies
 * between Otsu's cut (1979) and the mean of the upper group: halfway, because a false alarm costs a person's time. Where
 * they do not, the highest 1 % are above it. Severities are medium, high and critical for the highest 50, 20 and 5 % of
 * the signatures above the threshold.
 */
export function calibrate(scores: Float64Array): Calibration {
  const sorted = scores.slice().sort()
  const { cut, upperMean, explained } = otsu(sorted)
  const two = explained > TWO_GROUPS_MIN
  const threshold = two ? (cut + upperMean) / 2 : at(sorted, 1 - TAIL)
  const above = sorted.filter((score) => score >= threshold)
  const bands = [at(above, 0.5), at(above, 0.8), at(above, 0.95)] as const
  return { threshold, bands, rule: two ? 'two groups' : 'one group' }
}

/** The cut into two with the least variance within the parts. `explained`: the share of the variance between them. */
function otsu(sorted: Float64Array): { cut: number; upperMean: number; explained: number } {
  const low = sorted[0] ?? 0
  const step = ((sorted.at(-1) ?? 0) - low) / BINS
  if (step === 0) return { cut: low, upperMean: low, explained: 0 }
  const size = sorted.length
  const mean = sorted.reduce((sum, score) => sum + score, 0) / size
  const variance = sorted.reduce((sum, score) => sum + (score - mean) ** 2, 0)
  let best = { cut: low, upperMean: mean, explained: 0 }
  let below = 0
  let belowSum = 0
  for (let bin = 1; bin < BINS; bin++) {
    const cut = low + bin * step
    for (; below < size && (sorted[below] as number) < cut; below++) belowSum += sorted[below] as number
    const lowerMean = belowSum / below
    const upperMean = (mean * size - belowSum) / (size - below)
    const explained = ((below * (size - below)) / size / variance) * (upperMean - lowerMean) ** 2
    if (explained > best.explained) best = { cut, upperMean, explained }
  }
  return best
}

function at(sorted: Float64Array, quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 1
}
