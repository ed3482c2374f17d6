import type { ObjectStore } from '../ports/object-store.ts'
import type { BatchCoverage } from '../state/batch-index.ts'
import { type BatchEntry, type BatchPointer, entryOf } from '../state/batch-pointer.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import type { Stream } from '../stream/define.ts'
import { compileView, type View } from '../views/view.ts'

/** A view and what can be built upon: the batch view that stands, if records need only be added to it. */
export interface ViewMode {
  readonly name: string
  readonly view: View
  readonly base?: StandingView
  /** Why it is built in full. */
  readonly why?: string
}

export interface StandingView {
  readonly entry: BatchEntry
  readonly covers: BatchCoverage
  /** Slots before it have been left out; 0: none. */
  readonly keptFromMs: number
}

/** The batch views that stand, of the views as they are declared now. Those without a `base` are built in full. */
export async function viewModes(
  objects: ObjectStore,
  stream: Stream,
  pointer: BatchPointer | undefined,
  { full, epochMs }: { readonly full: boolean; readonly epochMs: number },
): Promise<readonly ViewMode[]> {
  return Promise.all(
    Object.entries(stream.views).map(async ([name, definition]) => {
      const view = compileView(stream.name, name, definition)
      const entry = entryOf(pointer, view)
      if (entry === undefined) return { name, view, why: 'new, or its definition has changed' }
      if (full) return { name, view, why: 'asked for' }
      const { covers, keptFromMs = 0 } = await readBatchIndex(objects, entry)
      if (covers.epochMs !== epochMs) return { name, view, why: 'epochs are of another length' }
      return { name, view, base: { entry, covers, keptFromMs } }
    }),
  )
}
