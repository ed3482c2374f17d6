import type { LateRecords } from './run-plan.ts'

/** What a run has come to, kept under its id. */
export interface RunResult {
  readonly stream: string
  readonly run: string
  /** False: every view stood at this horizon already. */
  readonly published: boolean
  /** An epoch: records appended before it are in the batch views. */
  readonly horizon: number
  /** The log had no record from the horizon on when the run was planned. */
  readonly complete?: true
  readonly epochMs: number
  readonly plannedMs: number
  readonly endedMs: number
  readonly views: readonly ViewResult[]
  /** Records appended to epochs that had been recomputed before: each made a full recompute necessary. */
  readonly late: readonly LateRecords[]
  /** Ids of the retractions that were left out. */
  readonly retractions: readonly string[]
}

export interface ViewResult {
  readonly view: string
  readonly version: string
  /** `same`: it stood at this horizon already. `left`: see `why`; its answer stands as it was. */
  readonly mode: 'full' | 'added' | 'same' | 'left'
  /** Why it was built in full, or left. */
  readonly why?: string
  /** Records read for it. */
  readonly records: number
  readonly chunks: number
  /** Segments of its new index that the one before did not name. */
  readonly segmentsMade: number
  readonly segments: number
}
