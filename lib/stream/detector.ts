import type { Value } from './value.ts'

/** How bad: the bands an alert is shown in. */
export type Severity = 'low' | 'medium' | 'high' | 'critical'

/** Why a record scored as it did: one feature's part in it. */
export interface Reason {
  readonly feature: string
  readonly value: string | number | boolean
  /** Share of the score that this feature explains, 0 to 1. */
  readonly share: number
  /** For people: "src_bytes 54,540 is far above the usual 0 to 1,032". */
  readonly text: string
}

/** A kind of detector with its settings, as a stream declares it: `forest({ numeric: [...], categorical: [...] })`. */
export interface DetectorDefinition {
  readonly kind: string
  /** Fields it reads. A record that lacks one is scored as the detector documents, never refused. */
  readonly features: readonly string[]
  /** A view that counts by `templateId` and `source`, whose slots are compared to the model's rates once they are over. */
  readonly rateView?: string
  /** A model from rows of the master. Deterministic for a seed. Throws where the rows cannot make a model. */
  train(rows: Iterable<Value>, options: { readonly seed: number }): TrainedModel
  /**
   * For a kind that learns from every record and not from a sample: the model of all of them, which trainings use in place
   * of `train`. `records` may be read as often as it takes, and gives the same ones each time. Throws as `train` does.
   */
  learn?(records: () => AsyncIterable<readonly Observed[]>, options: LearnOptions): Promise<Learned>
  /** A scorer from a model's bytes. Throws on bytes that no `train` of this kind made. */
  load(model: Uint8Array, version: string): Scorer
}

/** A record that passed, and when it happened. */
export interface Observed {
  readonly value: Value
  readonly eventTimeMs: number
}

export interface LearnOptions {
  readonly seed: number
  /** The model that scores now, whose marks and ids are kept where they still mean something. */
  readonly active: Uint8Array | undefined
}

/** A model with what it was judged by: a cost on the same records, lower is better. */
export interface Learned extends TrainedModel {
  readonly records: number
  readonly cost: { readonly name: string; readonly own: number; readonly active: number | undefined }
}

export interface TrainedModel {
  readonly bytes: Uint8Array
  /** Figures for people and for `weir models`: rows, distinct signatures, trees, threshold, ... */
  readonly report: Readonly<Record<string, number | string>>
}

/** A published model, ready to score. Stateless: a score depends on the record and the model alone. */
export interface Scorer {
  readonly version: string
  /**
   * The value with what the model knows of it in the stream's enriched fields (the template of a log line, ...): what is
   * scored, stored and counted from then on. Absent where a model adds nothing.
   */
  describe?(value: Value): Value
  /** A score at or above it is an alert. */
  readonly threshold: number
  /** One score per value, higher is stranger; in the order of `values`. */
  scores(values: readonly Value[]): Float64Array
  /** Undefined below the threshold. */
  severity(score: number): Severity | undefined
  /** The features that explain the score, most important first, at most five. Called for alerts only. */
  reasons(value: Value): readonly Reason[]
}
