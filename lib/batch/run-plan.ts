import { createHash } from 'node:crypto'
import { putNew } from '../master/manifest-store.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type BatchCoverage, batchPrefix } from '../state/batch-index.ts'
import type { BatchEntry } from '../state/batch-pointer.ts'
import type { ViewDefinition } from '../stream/view-definition.ts'
import { compileView, type View } from '../views/view.ts'

/** What every step of a run is told. */
export interface RunStep {
  readonly stream: string
  /** Run id: letters, digits, `.`, `_` and `-`. */
  readonly run: string
}

/** What a run will read and build, frozen: an object that is written once and that every step goes by. */
export interface RunPlan extends RunStep {
  readonly form: 1
  readonly plannedMs: number
  /** The pointer that the run was planned on, to be replaced; undefined where there is none. */
  readonly pointerRev?: string
  readonly covers: BatchCoverage
  /** The log had no record from the horizon on when its ends were read. */
  readonly complete?: true
  readonly groups: readonly ViewGroup[]
  readonly late: readonly LateRecords[]
  /** Everything is to be read anew: partials of other runs are not used, nor are this one's by others. */
  readonly apart?: true
  /** Retractions that are left out: their ids. */
  readonly retractions: readonly string[]
}

/** Views that are built from the same records, and so by the same shards. */
export interface ViewGroup {
  readonly views: readonly PlannedView[]
  /** Epoch from which on records are added to what the views hold; absent: they are built from the first record. */
  readonly from?: number
  /** Names of shard objects. */
  readonly shards: readonly string[]
  /** Records in the files of the shards, retracted ones and such of other epochs included. */
  readonly records: number
}

export interface PlannedView {
  readonly name: string
  readonly version: string
  readonly definition: ViewDefinition
  /** What it is added to; absent: it is built in full. */
  readonly base?: BatchEntry
  /** Why it is built in full; absent where it is not. */
  readonly why?: string
}

/** Records that the log stamped with an epoch that had been recomputed before they were appended. */
export interface LateRecords {
  readonly topic: string
  readonly partition: number
  readonly records: number
}

/** A stretch of the master for one child: its files, and what of them counts. */
export interface Shard {
  readonly form: 1
  readonly epochMs: number
  readonly files: readonly ShardFile[]
}

export interface ShardFile {
  readonly topic: string
  readonly partition: number
  readonly key: string
  readonly sizeBytes: number
  readonly sha256: string
  /** Raw offsets [from, to). */
  readonly from: number
  readonly to: number
  /** Only records of epochs [fromEpoch, toEpoch), below this offset. Absent where all of the file are. */
  readonly fromEpoch?: number
  readonly toEpoch?: number
  readonly below?: number
  /** Raw offsets that are retracted, ascending. */
  readonly without?: readonly (readonly [number, number])[]
}

export function runPrefix({ stream, run }: RunStep): string {
  return `${batchPrefix(stream)}runs/${run}/`
}

/** Where partials lie, whichever run made them. */
export function partialsPrefix(stream: string): string {
  return `${batchPrefix(stream)}partials/`
}

/** A partial is named by all that decides its content: a run that needs one that is there does not make it again. */
export function partialKey(
  { stream, run, apart }: Pick<RunPlan, 'stream' | 'run' | 'apart'>,
  view: Pick<PlannedView, 'name' | 'version'>,
  shard: string,
): string {
  const own = apart === true ? `${run}/` : ''
  return `${partialsPrefix(stream)}${own}${view.name}-${view.version}-${shard}`
}

/** A shard's object: named by its content, wherein a file's key stands for the file's content. */
export function shardObject(step: RunStep, shard: Shard) {
  const bytes = Buffer.from(JSON.stringify(shard))
  const name = createHash('sha256').update(bytes).digest('hex').slice(0, 24)
  return { name, key: shardKey(step, name), bytes }
}

export function shardKey(step: RunStep, name: string): string {
  return `${runPrefix(step)}shards/${name}.json`
}

export function viewOf({ stream }: RunStep, { name, version, definition }: PlannedView): View {
  const view = compileView(stream, name, definition)
  if (view.version === version) return view
  // Of another release: its states would be stored under a version that other code makes.
  throw new PortError(
    'MISCONFIGURED',
    `view ${view.id} was planned as version ${version}, this release makes it ${view.version}: start a new run`,
    { curable: false },
  )
}

/** The plan of a run; undefined before it is made. */
export function readPlan(objects: ObjectStore, step: RunStep): Promise<RunPlan | undefined> {
  return readJson<RunPlan>(objects, planKey(step))
}

/** The plan of a run that is under way. Rejects with code CORRUPT where it is gone. */
export async function planOf(objects: ObjectStore, step: RunStep): Promise<RunPlan> {
  const plan = await readPlan(objects, step)
  if (plan !== undefined) return plan
  throw new PortError('CORRUPT', `${planKey(step)} is gone: start a new run`, { curable: false })
}

/** What only this plan has: a run whose notes were swept and that begins again makes another. */
export function planDigest(plan: RunPlan): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 24)
}

/** Writes the plan unless the run has one; resolves with the one that stands. */
export function settlePlan(objects: ObjectStore, plan: RunPlan): Promise<RunPlan> {
  return settleJson(objects, planKey(plan), plan)
}

/** Writes an object unless it is there; resolves with what stands. */
export async function settleJson<T extends object>(objects: ObjectStore, key: string, json: T): Promise<T> {
  const { ok } = await objects.put(key, Buffer.from(JSON.stringify(json)), 'absent')
  return ok ? json : ((await readJson<T>(objects, key)) ?? json)
}

export async function readJson<T>(objects: ObjectStore, key: string): Promise<T | undefined> {
  const stored = await objects.get(key)
  return stored === undefined ? undefined : (JSON.parse(Buffer.from(stored.bytes).toString()) as T)
}

/** Puts an object whose name its content makes. */
export const putNamed = putNew

/** Deleted before all else of a run: without it a run that begins again makes another plan. */
export function frontierKey(step: RunStep): string {
  return `${runPrefix(step)}frontier.json`
}

/** Put before the ends of the log are asked for: its time is the object store's. */
export function askedKey(step: RunStep): string {
  return `${runPrefix(step)}asked.json`
}

function planKey(step: RunStep): string {
  return `${runPrefix(step)}plan.json`
}
