import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import type { View } from '../views/view.ts'
import { versionName } from './view-since.ts'

/**
 * Which batch views a stream's queries read: one item, replaced by one conditional write (rule 8 of docs/exactness.md)
 * and read once per query. A view version that it does not name has no batch view: its boards of all epochs answer.
 */
export interface BatchPointer {
  readonly form: 1
  /** The run that published it. */
  readonly run: string
  readonly publishedMs: number
  readonly epochMs: number
  /** Of the run: what its views cover. A view that the run had to leave out keeps its entry with a lower horizon. */
  readonly horizon: number
  /** By `versionName` of the view. */
  readonly views: Readonly<Record<string, BatchEntry>>
}

/** The batch view of one view version. */
export interface BatchEntry {
  /** Object key of its `BatchIndex`. */
  readonly index: string
  /** An epoch: the index holds every record of the epochs before it, the boards from it on the others. Go by this one. */
  readonly horizon: number
  /** Since when no release has declared it, ms: it is kept for a while, because a release may be taken back. */
  readonly retiredMs?: number
}

export interface ReadPointer {
  readonly pointer: BatchPointer
  /** What a conditional write of the next pointer names. */
  readonly rev: string
}

const POINTER = 'pointer'

/** Read strongly consistent; undefined where nothing has been published. */
export async function readBatchPointer(keyed: KeyedStore, stream: string): Promise<BatchPointer | undefined> {
  return (await loadBatchPointer(keyed, stream))?.pointer
}

export async function loadBatchPointer(keyed: KeyedStore, stream: string): Promise<ReadPointer | undefined> {
  const item = await keyed.get(batchKey(stream), POINTER)
  if (item === undefined) return undefined
  return { pointer: JSON.parse(Buffer.from(item.data).toString()) as BatchPointer, rev: item.rev }
}

/** The entry that answers for a view; undefined where its version has no batch view. */
export function entryOf(pointer: BatchPointer | undefined, view: View): BatchEntry | undefined {
  const name = versionName(view)
  return pointer !== undefined && Object.hasOwn(pointer.views, name) ? pointer.views[name] : undefined
}

/** The item of a pointer, to be put under the condition that what stands is the one the run was planned on. */
export function pointerItem(stream: string, pointer: BatchPointer): Item {
  const data = Buffer.from(JSON.stringify(pointer))
  // A run publishes once, and no two pointers of a stream have the same time and run.
  return { pk: batchKey(stream), sk: POINTER, rev: `${pointer.publishedMs}/${pointer.run}`, data }
}

/** Partition key of everything the batch layer keeps of a stream in the keyed store. */
export function batchKey(stream: string): string {
  return `batch/${stream}`
}
