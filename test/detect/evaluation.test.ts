import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { atThreshold, aucByKind, ranking } from '../../lib/detect/evaluation.ts'

const scored = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.constantFrom('normal', 'flood', 'probe')), {
    minLength: 2,
    maxLength: 40,
  })
  .filter((rows) => {
    const kinds = rows.map(([, kind]) => kind)
    return kinds.includes('normal') && kinds.some((kind) => kind !== 'normal')
  })

/** By its definition: every pair of an anomaly and a normal record. */
function pairwise(rows: readonly (readonly [number, string])[], kind: (label: string) => boolean): number {
  const anomalies = rows.filter(([, label]) => kind(label))
  const normals = rows.filter(([, label]) => label === 'normal')
  let won = 0
  for (const [a] of anomalies) for (const [n] of normals) won += a > n ? 1 : a === n ? 0.5 : 0
  return won / anomalies.length / normals.length
}

describe('ranking', () => {
  it('gives the AUC that counting all pairs gives', () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const scores = Float64Array.from(rows, ([score]) => score)
        const anomalous = Uint8Array.from(rows, ([, kind]) => (kind === 'normal' ? 0 : 1))
        expect(ranking(scores, anomalous).auc).toBeCloseTo(
          pairwise(rows, (kind) => kind !== 'normal'),
          12,
        )
      }),
    )
  })

  // sklearn.metrics.average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) and roc_auc_score of the same.
  it('agrees with scikit-learn on its own example', () => {
    const result = ranking(Float64Array.of(0.1, 0.4, 0.35, 0.8), Uint8Array.of(0, 0, 1, 1))
    expect(result.averagePrecision).toBeCloseTo(0.8333333, 6)
    expect(result.auc).toBe(0.75)
    expect(result).toMatchObject({ rows: 4, anomalies: 2 })
  })
})

describe('aucByKind', () => {
  it('gives each kind its own AUC and their plain mean', () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const scores = Float64Array.from(rows, ([score]) => score)
        const labels = rows.map(([, kind]) => kind)
        const { macro, byKind } = aucByKind(scores, labels, (label) => label === 'normal')
        for (const [kind, auc] of byKind)
          expect(auc).toBeCloseTo(
            pairwise(rows, (label) => label === kind),
            12,
          )
        const mean = [...byKind.values()].reduce((sum, auc) => sum + auc, 0) / byKind.size
        expect(macro).toBeCloseTo(mean, 12)
      }),
    )
  })
})

describe('atThreshold', () => {
  it('counts a score at the threshold as flagged', () => {
    const result = atThreshold(Float64Array.of(1, 2, 3, 4), Uint8Array.of(1, 0, 1, 1), 2)
    expect(result).toEqual({ precision: 2 / 3, recall: 2 / 3, flagged: 3 })
  })
})
