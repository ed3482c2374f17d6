import { aucByKind, type Ranking, ranking } from '../detect/evaluation.ts'
import type { DetectorDefinition, Scorer } from '../stream/detector.ts'
import type { Value } from '../stream/value.ts'
import { RowSample } from './row-sample.ts'

const ROWS_MAX = 200_000

/** Which field says what a record was, and what it says of a normal one. No model ever sees it. */
export interface Labels {
  readonly field: string
  readonly normal: string
}

/** How well a model's scores agree with the labels. */
export interface Evaluation extends Ranking {
  /** Of the last model that scored. */
  readonly threshold: number
  /** Of the records at or above the threshold, the share that are anomalies; NaN where there is none. */
  readonly precision: number
  /** Of the anomalies, the share at or above the threshold. */
  readonly recall: number
  /** Of the normal records, the share at or above the threshold. */
  readonly falseAlarmRate: number
  /** Mean of `aucByKind`: a rare kind of anomaly weighs as a flood does. */
  readonly macroAuc: number
  /** By value of the label field. */
  readonly aucByKind: Readonly<Record<string, number>>
  /** Records without the label field: left out. */
  readonly unlabelled: number
  /** Records that were only trained on: left out. */
  readonly unscored: number
}

type Batches = AsyncIterable<readonly Value[]>

/** Scores all records with one model. */
export async function evaluateModel(scorer: Scorer, batches: Batches, labels: Labels): Promise<Evaluation> {
  const scored = new Scored(labels)
  for await (const values of batches) scored.add(scorer, values)
  return scored.evaluation(0)
}

/**
 * In the order of the stream: after every `every` records a model is trained on one record per coarse signature of all
 * records so far, and scores the next `every`. The first `every` records are not scored.
 */
export async function evaluateInOrder(
  detector: DetectorDefinition,
  batches: Batches,
  labels: Labels,
  { every, seed }: { readonly every: number; readonly seed: number },
): Promise<Evaluation> {
  const scored = new Scored(labels)
  const sample = new RowSample(detector.features, ROWS_MAX)
  let scorer: Scorer | undefined
  let unscored = 0
  for await (const values of cutEvery(batches, every)) {
    if (scorer === undefined) unscored += values.length
    else scored.add(scorer, values)
    for (const value of values) sample.add(value)
    if (values.length === every)
      scorer = detector.load(detector.train(sample.all(), { seed }).bytes, 'in order')
  }
  return scored.evaluation(unscored)
}

/** A model of the records themselves, by no label: one record per coarse signature. */
export async function trainOnAll(
  detector: DetectorDefinition,
  batches: Batches,
  seed: number,
): Promise<Scorer> {
  const sample = new RowSample(detector.features, ROWS_MAX)
  for await (const values of batches) for (const value of values) sample.add(value)
  return detector.load(detector.train(sample.all(), { seed }).bytes, 'unpublished')
}

/** The same records in batches of `every`, the last one shorter. */
async function* cutEvery(batches: Batches, every: number): AsyncGenerator<readonly Value[]> {
  let held: Value[] = []
  for await (const values of batches)
    for (const value of values) {
      held.push(value)
      if (held.length < every) continue
      yield held
      held = []
    }
  if (held.length > 0) yield held
}

/** Scores and labels as they come. */
class Scored {
  readonly #labels: Labels
  readonly #scores: Float64Array[] = []
  readonly #kinds: string[] = []
  #flagged = 0
  #flaggedAnomalies = 0
  #unlabelled = 0
  #threshold = Number.NaN

  constructor(labels: Labels) {
    this.#labels = labels
  }

  add(scorer: Scorer, values: readonly Value[]): void {
    const labelled = values.filter((value) => value[this.#labels.field] !== undefined)
    this.#unlabelled += values.length - labelled.length
    const scores = scorer.scores(labelled)
    this.#scores.push(scores)
    this.#threshold = scorer.threshold
    labelled.forEach((value, i) => {
      const kind = String(value[this.#labels.field])
      this.#kinds.push(kind)
      if (!((scores[i] as number) >= scorer.threshold)) return
      this.#flagged++
      if (!this.#isNormal(kind)) this.#flaggedAnomalies++
    })
  }

  evaluation(unscored: number): Evaluation {
    const scores = new Float64Array(this.#kinds.length)
    let at = 0
    for (const part of this.#scores) {
      scores.set(part, at)
      at += part.length
    }
    const isNormal = (kind: string) => this.#isNormal(kind)
    const ranked = ranking(
      scores,
      Uint8Array.from(this.#kinds, (kind) => (isNormal(kind) ? 0 : 1)),
    )
    const kinds = aucByKind(scores, this.#kinds, isNormal)
    return {
      ...ranked,
      threshold: this.#threshold,
      precision: this.#flaggedAnomalies / this.#flagged,
      recall: this.#flaggedAnomalies / ranked.anomalies,
      falseAlarmRate: (this.#flagged - this.#flaggedAnomalies) / (ranked.rows - ranked.anomalies),
      macroAuc: kinds.macro,
      aucByKind: Object.fromEntries([...kinds.byKind].sort(([, a], [, b]) => a - b)),
      unlabelled: this.#unlabelled,
      unscored,
    }
  }

  /** KDD files end every line, and with it the label, in a dot. */
  #isNormal(kind: string): boolean {
    const { normal } = this.#labels
    return kind === normal || kind === `${normal}.`
  }
}
