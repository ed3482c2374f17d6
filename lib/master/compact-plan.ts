import type { ObjectStore } from '../ports/object-store.ts'
import { hourOf } from './keys.ts'
import type { Manifest, MasterFile } from './manifest.ts'
import { filesOf } from './manifest-store.ts'

/** Files of one hour folder that follow each other and are small enough to be merged. */
export interface CompactRun {
  /** That of the folder, as `hourOf` counts them. */
  readonly hour: number
  /** One or more; one alone is compact as it is. */
  readonly files: readonly MasterFile[]
}

/**
 * Runs of small files of a partition's master, hour by hour, from `manifest.compactedTo` on and in hours before
 * `beforeHour`. A file of half the target or more is compact; where offsets are missing a run ends, because a file holds
 * every offset of its stretch.
 */
export async function* compactRuns(
  objects: ObjectStore,
  manifest: Manifest,
  targetBytes: number,
  beforeHour: number,
): AsyncGenerator<CompactRun> {
  const { compactedTo = 0 } = manifest
  let run: MasterFile[] = []
  for await (const file of filesOf(objects, manifest, ({ to }) => to > compactedTo)) {
    if (hourOf(file.minAppendMs) >= beforeHour) break
    const last = run.at(-1)
    if (last !== undefined && !continues(last, file, targetBytes)) {
      yield runOf(run)
      run = []
    }
    run.push(file)
  }
  if (run.length > 0) yield runOf(run)
}

function runOf(files: readonly MasterFile[]): CompactRun {
  return { hour: hourOf(files[0]?.minAppendMs ?? 0), files }
}

function continues(last: MasterFile, file: MasterFile, targetBytes: number): boolean {
  const small = ({ sizeBytes }: MasterFile) => sizeBytes < targetBytes / 2
  const sameHour = hourOf(last.minAppendMs) === hourOf(file.minAppendMs)
  return small(last) && small(file) && sameHour && file.from === last.to
}

/** The hour of the newest record in a partition's master; -1 where it has none. */
export async function newestHourOf(objects: ObjectStore, manifest: Manifest): Promise<number> {
  const { highestOrigin } = manifest.progress
  let newest = -1
  for await (const { maxAppendMs } of filesOf(objects, manifest, ({ to }) => to > highestOrigin))
    newest = Math.max(newest, hourOf(maxAppendMs))
  return newest
}
