import type { ObjectStore } from '../ports/object-store.ts'
import { hourOf } from './keys.ts'
import type { Manifest, MasterFile } from './manifest.ts'
import { filesOf } from './manifest-store.ts'

/** Files of one hour folder that follow each other and are small enough to be merged. */
export interface CompactRun {
  /** One or more; one alone is compact as it is. */
  readonly files: readonly MasterFile[]
}

/**
 * Runs of small files of a partition's master, hour by hour, from `manifest.compactedTo` on and in hours before
 * `openHour`. A file of half the target or more is compact; where offsets are missing a run ends, because a file holds
 * every offset of its stretch.
 */
export async function* compactRuns(
  objects: ObjectStore,
  manifest: Manifest,
  targetBytes: number,
  openHour: number,
): AsyncGenerator<CompactRun> {
  const { compactedTo = 0 } = manifest
  let run: MasterFile[] = []
  for await (const file of filesOf(objects, manifest, ({ to }) => to > compactedTo)) {
    if (hourOf(file.minAppendMs) >= openHour) break
    const last = run.at(-1)
    if (last !== undefined && !continues(last, file, targetBytes)) {
      yield { files: run }
      run = []
    }
    run.push(file)
  }
  if (run.length > 0) yield { files: run }
}

function continues(last: MasterFile, file: MasterFile, targetBytes: number): boolean {
  const small = ({ sizeBytes }: MasterFile) => sizeBytes < targetBytes / 2
  const sameHour = hourOf(last.minAppendMs) === hourOf(file.minAppendMs)
  return small(last) && small(file) && sameHour && file.from === last.to
}

/**
 * The first hour that may still get files: that of the newest file, or the one before now, whichever is later. Merging
 * an hour once it is over writes each record twice, merging it as it grows many times.
 */
export async function openHourOf(objects: ObjectStore, manifest: Manifest, nowMs: number): Promise<number> {
  let open = hourOf(nowMs) - 1
  for await (const { maxAppendMs } of filesOf(
    objects,
    manifest,
    ({ to }) => to > manifest.progress.highestOrigin,
  ))
    open = Math.max(open, hourOf(maxAppendMs))
  return open
}
