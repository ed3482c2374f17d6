import { atThreshold, aucByKind, ranking } from '../../lib/detect/evaluation.ts'
import type { DetectorDefinition } from '../../lib/stream/detector.ts'
import { below, seededRandom } from '../../lib/stream/random.ts'
import type { Value } from '../../lib/stream/value.ts'
import { isNormal, type Kdd } from './kdd.ts'

export interface Measured {
  readonly auc: number
  readonly macroAuc: number
  readonly averagePrecision: number
  /** At the models' own thresholds. */
  readonly precision: number
  readonly recall: number
  readonly falseAlarmRate: number
  readonly worstKinds: string
  readonly trainSeconds: number
}

/** Train on all rows so far after every `every` rows; score only what follows. */
export function inStreamOrder(
  detector: DetectorDefinition,
  { values, labels }: Kdd,
  seed: number,
  every = 20_000,
): Measured {
  const scores = new Float64Array(values.length - every)
  const alerts = new Float64Array(scores.length)
  let trainMs = 0
  for (let at = every; at < values.length; at += every) {
    const startedMs = performance.now()
    const { bytes } = detector.train(values.slice(0, at), { seed })
    trainMs += performance.now() - startedMs
    const scorer = detector.load(bytes, 'bench')
    const part = scorer.scores(values.slice(at, at + every))
    scores.set(part, at - every)
    alerts.set(
      part.map((score) => (score >= scorer.threshold ? 1 : 0)),
      at - every,
    )
  }
  return measured(scores, alerts, labels.slice(every), trainMs)
}

/** Attacks thinned out to a fifth of all rows; one model fitted on the rows it then scores. */
export function attacksAFifth(detector: DetectorDefinition, kdd: Kdd, seed: number): Measured {
  const rows = rowsWithFewerAttacks(kdd.labels, seed)
  const values = rows.map((row) => kdd.values[row] as Value)
  const startedMs = performance.now()
  const { bytes } = detector.train(values, { seed })
  const trainMs = performance.now() - startedMs
  const scorer = detector.load(bytes, 'bench')
  const scores = scorer.scores(values)
  const alerts = scores.map((score) => (score >= scorer.threshold ? 1 : 0))
  return measured(
    scores,
    alerts,
    rows.map((row) => kdd.labels[row] as string),
    trainMs,
  )
}

function rowsWithFewerAttacks(labels: readonly string[], seed: number): readonly number[] {
  const random = seededRandom(seed)
  const normals = [...labels.keys()].filter((row) => isNormal(labels[row] as string))
  const attacks = [...labels.keys()].filter((row) => !isNormal(labels[row] as string))
  const taken = Math.round(normals.length / 4)
  for (let i = 0; i < taken; i++) {
    const j = i + below(random, attacks.length - i)
    const held = attacks[i] as number
    attacks[i] = attacks[j] as number
    attacks[j] = held
  }
  return [...normals, ...attacks.slice(0, taken)].sort((a, b) => a - b)
}

function measured(
  scores: Float64Array,
  alerts: Float64Array,
  labels: readonly string[],
  trainMs: number,
): Measured {
  const anomalous = Uint8Array.from(labels, (label) => (isNormal(label) ? 0 : 1))
  const { auc, averagePrecision, rows, anomalies } = ranking(scores, anomalous)
  const { macro, byKind } = aucByKind(scores, labels, isNormal)
  const { precision, recall, flagged } = atThreshold(alerts, anomalous, 1)
  const worst = [...byKind].sort(([, a], [, b]) => a - b).slice(0, 4)
  return {
    auc,
    macroAuc: macro,
    averagePrecision,
    precision,
    recall,
    falseAlarmRate: (flagged * (1 - precision)) / (rows - anomalies),
    worstKinds: worst.map(([kind, kindAuc]) => `${kind} ${kindAuc.toFixed(3)}`).join(', '),
    trainSeconds: trainMs / 1000,
  }
}
