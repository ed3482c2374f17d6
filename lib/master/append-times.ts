import type { ObjectStore } from '../ports/object-store.ts'
import { manifestFiles } from './read.ts'

export interface AppendTimes {
  readonly minAppendMs: number
  readonly maxAppendMs: number
}

/**
 * Between which append times the records of raw offsets [from, to) lie, by the manifests: those of the whole files that
 * hold them, so they may be somewhat further apart. Undefined where the master does not hold all of them yet.
 */
export async function appendTimesOf(
  objects: ObjectStore,
  stream: string,
  stretch: { readonly topic: string; readonly partition: number; readonly from: number; readonly to: number },
): Promise<AppendTimes | undefined> {
  let times: AppendTimes | undefined
  let reached = 0
  for await (const { file, manifest } of manifestFiles(objects, stream, stretch)) {
    times = {
      minAppendMs: Math.min(file.minAppendMs, times?.minAppendMs ?? file.minAppendMs),
      maxAppendMs: Math.max(file.maxAppendMs, times?.maxAppendMs ?? file.maxAppendMs),
    }
    reached = Math.max(reached, manifest.progress.highestOrigin + 1)
  }
  return reached >= stretch.to ? times : undefined
}
