import { ranking } from '../detect/evaluation.ts'
import type { Scorer } from '../stream/detector.ts'
import { below, seededRandom } from '../stream/random.ts'
import type { Value } from '../stream/value.ts'

/** Share of a record's fields that a perturbed copy has from elsewhere. */
const REPLACED_SHARE = 0.25
/** The same copies every time, so that two models are judged by the same records. */
const SEED = 20_180_921

/**
 * Copies of the records in which a quarter of the fields, chosen at random, have the values of other records: each value is one
 * that occurs, but they no longer belong together. At least one field is replaced.
 */
export function perturbed(values: readonly Value[], fields: readonly string[]): readonly Value[] {
  const random = seededRandom(SEED)
  return values.map((value) => {
    const copy: Record<string, unknown> = { ...value }
    const replaced = Math.max(1, Math.round(fields.length * REPLACED_SHARE))
    for (let i = 0; i < replaced; i++) {
      const field = fields[below(random, fields.length)] as string
      copy[field] = values[below(random, values.length)]?.[field]
    }
    return copy
  })
}

/**
 * How well a model tells real records from perturbed ones: the chance that a perturbed record scores above a real one. 0.5 is
 * guessing. It needs no labels, and it is comparable between models whatever the scale of their scores.
 */
export function separation(scorer: Scorer, real: readonly Value[], false_: readonly Value[]): number {
  const scores = new Float64Array(real.length + false_.length)
  scores.set(scorer.scores(real))
  scores.set(scorer.scores(false_), real.length)
  const isFalse = Uint8Array.from(scores, (_, i) => (i < real.length ? 0 : 1))
  return ranking(scores, isFalse).auc
}
