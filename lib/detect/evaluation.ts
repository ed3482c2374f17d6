/** How well scores tell anomalies from normal records, by labels that no model has seen. */
export interface Ranking {
  readonly rows: number
  readonly anomalies: number
  /** Chance that an anomaly scores above a normal record, ties counted half; NaN without both kinds. */
  readonly auc: number
  /** Mean precision over the anomalies in descending order of score (ties taken together), as scikit-learn has it. */
  readonly averagePrecision: number
}

/** Ranks `scores`; `anomalous[i]` is 1 for an anomaly. */
export function ranking(scores: Float64Array, anomalous: Uint8Array): Ranking {
  const order = descending(scores)
  const anomalies = anomalous.reduce((sum, one) => sum + one, 0)
  const normals = scores.length - anomalies
  let found = 0
  let missedNormals = 0
  let pairs = 0
  let precisionSum = 0
  for (let from = 0; from < order.length; ) {
    const to = tieEnd(scores, order, from)
    let here = 0
    for (let i = from; i < to; i++) here += anomalous[order[i] as number] as number
    const normalsHere = to - from - here
    pairs += here * (normals - missedNormals - normalsHere / 2)
    missedNormals += normalsHere
    found += here
    precisionSum += here * (found / to)
    from = to
  }
  return {
    rows: scores.length,
    anomalies,
    auc: pairs / anomalies / normals,
    averagePrecision: precisionSum / anomalies,
  }
}

/** Of the records at or above a threshold: how many are anomalies (precision), and how many anomalies they are (recall). */
export function atThreshold(
  scores: Float64Array,
  anomalous: Uint8Array,
  threshold: number,
): { readonly precision: number; readonly recall: number; readonly flagged: number } {
  let flagged = 0
  let right = 0
  let anomalies = 0
  scores.forEach((score, i) => {
    const anomaly = anomalous[i] as number
    anomalies += anomaly
    if (!(score >= threshold)) return
    flagged++
    right += anomaly
  })
  return { precision: right / flagged, recall: right / anomalies, flagged }
}

/** AUC of each kind of anomaly against the normal records, and their mean, in which a rare kind weighs as a flood does. */
export function aucByKind(
  scores: Float64Array,
  labels: readonly string[],
  isNormal: (label: string) => boolean,
): { readonly macro: number; readonly byKind: ReadonlyMap<string, number> } {
  const normals = Float64Array.from(scores.filter((_, i) => isNormal(labels[i] as string))).sort()
  const sums = new Map<string, { pairs: number; rows: number }>()
  labels.forEach((label, i) => {
    if (isNormal(label)) return
    const sum = sums.get(label) ?? { pairs: 0, rows: 0 }
    const score = scores[i] as number
    sum.pairs += (firstAtLeast(normals, score) + firstAbove(normals, score)) / 2
    sum.rows++
    sums.set(label, sum)
  })
  const byKind = new Map([...sums].map(([label, { pairs, rows }]) => [label, pairs / rows / normals.length]))
  const macro = [...byKind.values()].reduce((sum, auc) => sum + auc, 0) / byKind.size
  return { macro, byKind }
}

function descending(scores: Float64Array): Uint32Array {
  return Uint32Array.from(scores.keys()).sort((a, b) => (scores[b] as number) - (scores[a] as number))
}

function tieEnd(scores: Float64Array, order: Uint32Array, from: number): number {
  const score = scores[order[from] as number]
  let to = from + 1
  while (to < order.length && scores[order[to] as number] === score) to++
  return to
}

/** Index of the first element >= x of an ascending array. */
function firstAtLeast(sorted: Float64Array, x: number): number {
  return search(sorted, (element) => element < x)
}

function firstAbove(sorted: Float64Array, x: number): number {
  return search(sorted, (element) => element <= x)
}

function search(sorted: Float64Array, before: (element: number) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (before(sorted[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}
