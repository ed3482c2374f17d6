import type { Reason, Scorer, Severity } from '../stream/detector.ts'
import type { Value } from '../stream/value.ts'
import { Attribution } from './attribution.ts'
import { CompleteTrees, ROWS_AT_ONCE, scoreOf } from './complete-trees.ts'
import type { ForestModel } from './model.ts'
import { Quantiser } from './quantise.ts'
import { reasonsOf } from './reasons.ts'

/** Scores records with a forest: 2^-(mean depth), depths in units of the expected one, so 0.5 is as deep as by chance. */
export class ForestScorer implements Scorer {
  readonly version: string
  readonly threshold: number
  readonly #model: ForestModel
  readonly #quantiser: Quantiser
  readonly #trees: CompleteTrees
  readonly #attribution: Attribution
  readonly #ranks: Uint16Array
  readonly #depths = new Float64Array(ROWS_AT_ONCE)

  constructor(model: ForestModel, version: string) {
    this.version = version
    this.threshold = model.threshold
    this.#model = model
    this.#quantiser = new Quantiser(model)
    this.#trees = new CompleteTrees(model.trees)
    this.#attribution = new Attribution(model, this.#trees, this.#quantiser)
    this.#ranks = new Uint16Array(ROWS_AT_ONCE * this.#quantiser.width)
  }

  scores(values: readonly Value[]): Float64Array {
    const { width } = this.#quantiser
    const scores = new Float64Array(values.length)
    for (let from = 0; from < values.length; from += ROWS_AT_ONCE) {
      const rows = Math.min(ROWS_AT_ONCE, values.length - from)
      for (let i = 0; i < rows; i++) this.#quantiser.write(values[from + i] as Value, this.#ranks, i * width)
      this.#trees.depths(this.#ranks, width, rows, this.#depths)
      for (let i = 0; i < rows; i++) scores[from + i] = scoreOf(this.#depths[i] as number)
    }
    return scores
  }

  severity(score: number): Severity | undefined {
    const [medium, high, critical] = this.#model.bands
    if (!(score >= this.threshold)) return undefined
    if (score >= critical) return 'critical'
    if (score >= high) return 'high'
    return score >= medium ? 'medium' : 'low'
  }

  reasons(value: Value): readonly Reason[] {
    this.#quantiser.write(value, this.#ranks, 0)
    return reasonsOf(this.#model, value, this.#attribution.shares(this.#ranks))
  }
}
