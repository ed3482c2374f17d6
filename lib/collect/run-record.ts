import { createHash } from 'node:crypto'
import type { Landed } from './landed.ts'
import type { Place } from './place.ts'
import type { SourceFingerprint } from './source.ts'

/** What makes a run what it is. The same plan given again means the same run, until that has finished. */
export interface RunPlan {
  readonly stream: string
  /** As the user named them, paths absolute. */
  readonly sources: readonly string[]
  /** Order of the records, where it is not that of the sources. */
  readonly shuffleSeed?: number
  /** Each record becomes a JSON object with uuid, utc, sequence_id and index added. */
  readonly stampSeed?: number
  readonly loop: boolean
  /** The sources go on for ever and are read side by side. */
  readonly live?: boolean
  /** Who collects, where several may: a path is a file of one machine, and another machine's of the same name is another. */
  readonly collector?: string
}

/** A run as it is kept: `run/<stream>` in the keyed store, one item a run. */
export interface RunRecord {
  readonly runId: string
  readonly plan: RunPlan
  readonly state: 'running' | 'finished'
  /** Raw topic, and its id: offsets of another topic of that name would mean nothing. */
  readonly topic: string
  readonly topicId: string
  readonly startedMs: number
  readonly finishedMs?: number
  /** By partition. Their number is that of the topic when the run began, and stays. */
  readonly startOffsets: readonly number[]
  readonly landed: readonly Landed[]
  readonly floor: Floor
  /** True where nothing was outstanding when this was kept: what has landed is all that ever will. */
  readonly settled?: boolean
  /** Of a run that reads its sources side by side: the number of the next source (run-sources.ts). */
  readonly nextSource?: number
  /** The process that works on it; undefined between two. */
  readonly holder?: RunHolder
}

/** A process that has a run in hand. It renews its hold at every checkpoint. */
export interface RunHolder {
  readonly host: string
  readonly pid: number
  /** When the hold ends by itself. */
  readonly untilMs: number
}

/** Everything up to and including this place has landed, in every partition. */
export interface Floor extends Place {
  /** Records of the run in the sources before this one. */
  readonly recordsBefore: number
}

export const NO_FLOOR: Floor = { source: 0, position: -1, recordsBefore: 0 }

/** The files that a run reads: fixed when it begins, so that a file added to a folder later does not shift the others. */
export interface RunSource {
  readonly name: string
  readonly fingerprint?: SourceFingerprint
}

export function recordsLanded(run: Pick<RunRecord, 'landed'>): number {
  return run.landed.reduce((sum, { records }) => sum + records, 0)
}

/** A name for the nth run of a plan: the same for the same plan on every machine. */
export function automaticRunId(plan: RunPlan, nth: number): string {
  return `${automaticPrefix(plan)}${String(nth).padStart(6, '0')}`
}

export function automaticPrefix(plan: RunPlan): string {
  return `run-${createHash('sha256').update(planText(plan)).digest('hex').slice(0, 12)}-`
}

/** The plan as text, fields in one order. */
export function planText({
  stream,
  sources,
  shuffleSeed,
  stampSeed,
  loop,
  live,
  collector,
}: RunPlan): string {
  return JSON.stringify({ stream, sources, shuffleSeed, stampSeed, loop, live, collector })
}
