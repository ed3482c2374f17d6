import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type CompactRun, compactRuns, newestHourOf } from './compact-plan.ts'
import { hourOf } from './keys.ts'
import type { Manifest } from './manifest.ts'
import { filesOf, putHead, readManifest, readManifests } from './manifest-store.ts'
import { type MergedFile, mergeFiles } from './merge-files.ts'
import { swapFiles } from './swap.ts'

/** Large enough that opening a file costs little beside reading it, small enough for a function's memory. */
export const TARGET_BYTES = 128 * 1024 * 1024
/** A head that is loaded and replaced in milliseconds is not taken from under one this often. */
const TRIES_MAX = 50

export interface CompactOptions {
  readonly targetBytes?: number
  /** Also hours that may still get files. */
  readonly openHours?: boolean
  /** Unix ms; nothing new is begun after it. */
  readonly endsAtMs?: number
  /** After each swap. */
  readonly onSwap?: (merged: MergedFile) => void
  /** Items of a chapter; tests choose few. */
  readonly sealItems?: number
}

export interface Compacted {
  readonly stream: string
  /** Files that were replaced, and files they were replaced by. */
  readonly replaced: number
  readonly written: number
  readonly writtenBytes: number
  /** Files written in vain, because another compaction was faster or a sweep came between. */
  readonly abandoned: number
  /** False where time ran out: the next compaction goes on. */
  readonly complete: boolean
  /** What kept a run of files from being merged. */
  readonly problems: readonly string[]
}

interface Compaction {
  readonly objects: ObjectStore
  readonly clock: Pick<Clock, 'nowMs'>
  readonly options: CompactOptions
  readonly mustEnd: () => boolean
  readonly done: { -readonly [K in 'replaced' | 'written' | 'writtenBytes' | 'abandoned']: number }
  readonly problems: string[]
}

/**
 * Merges the small files of a stream's master, those of one raw partition and hour folder, into files of about
 * `targetBytes`. It changes where records lie and nothing else; archive and readers go on meanwhile, several may run
 * at once, and it may end at any point. Replaced files stay for their readers until `sweepOrphans` deletes them.
 */
export async function compactStream(
  { objects, clock }: Pick<Compaction, 'objects' | 'clock'>,
  stream: string,
  options: CompactOptions = {},
): Promise<Compacted> {
  const { endsAtMs = Number.POSITIVE_INFINITY } = options
  const mustEnd = () => clock.nowMs() >= endsAtMs
  const done = { replaced: 0, written: 0, writtenBytes: 0, abandoned: 0 }
  const compaction: Compaction = { objects, clock, options, mustEnd, done, problems: [] }
  for (const manifest of await readManifests(objects, stream)) await compactPartition(compaction, manifest)
  return { stream, ...done, complete: !mustEnd(), problems: compaction.problems }
}

async function compactPartition(compaction: Compaction, manifest: Manifest): Promise<void> {
  const { objects, clock, options, mustEnd } = compaction
  const { targetBytes = TARGET_BYTES } = options
  const newestHour = await newestHourOf(objects, manifest)
  // Merging an hour once it is over writes each record twice, merging it as it grows many times.
  const overHour = Math.max(newestHour, hourOf(clock.nowMs()) - 1)
  const before = options.openHours === true ? Number.POSITIVE_INFINITY : overHour
  let compactedTo = manifest.compactedTo ?? 0
  let whole = true
  for await (const run of compactRuns(objects, manifest, targetBytes, before)) {
    if (mustEnd()) return
    whole = (run.files.length === 1 || (await compactRun(compaction, manifest, run, targetBytes))) && whole
    // Append times step back by no more than brokers' clocks differ: whatever an hour before the newest still gets comes in
    // files above this offset, which a later compaction looks at.
    if (whole && run.hour < newestHour) compactedTo = run.files.at(-1)?.to ?? compactedTo
  }
  if (compactedTo > (manifest.compactedTo ?? 0)) await noteCompacted(compaction, manifest, compactedTo)
}

/** False where some of the run is still to be merged. */
async function compactRun(
  compaction: Compaction,
  manifest: Manifest,
  { files }: CompactRun,
  targetBytes: number,
): Promise<boolean> {
  const { objects, mustEnd, done, options } = compaction
  const { stream, topic, partition } = manifest
  const begun = (await readManifest(objects, stream, topic, partition)).manifest
  try {
    for await (const merged of mergeFiles(objects, manifest, files, { targetBytes, mustEnd })) {
      if (!(await commitSwap(compaction, begun, merged))) {
        done.abandoned++
        return false
      }
      done.replaced += merged.sources.length
      done.written++
      done.writtenBytes += merged.file.sizeBytes
      options.onSwap?.(merged)
    }
    return !mustEnd()
  } catch (error) {
    if (!(error instanceof PortError) || error.code !== 'CORRUPT') throw error
    compaction.problems.push(error.message)
    return false
  }
}

/**
 * `begun`: the manifest as it was before the merged file was written. False where the sources are not in the manifest any
 * more, or where a sweep may have taken the merged file meanwhile.
 */
async function commitSwap(
  { objects, clock, options }: Compaction,
  begun: Manifest,
  { sources, file }: MergedFile,
): Promise<boolean> {
  const { stream, topic, partition } = begun
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const loaded = await readManifest(objects, stream, topic, partition)
    if ((loaded.manifest.sweeps ?? 0) !== (begun.sweeps ?? 0)) return false
    const swap = { sources, file, replacedMs: clock.nowMs() }
    const result = await swapFiles(objects, loaded, swap, options.sealItems)
    if (result === 'done') return true
    // A condition that failed may be this swap's own success.
    if (result === 'gone') return lists(objects, loaded.manifest, file.key, file)
  }
  throw new PortError(
    'THROTTLED',
    `manifest ${topic}-${partition} changed ${TRIES_MAX} times under one swap`,
    {
      curable: true,
    },
  )
}

async function lists(
  objects: ObjectStore,
  manifest: Manifest,
  key: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<boolean> {
  for await (const file of filesOf(objects, manifest, (one) => one.to > from && one.from < to))
    if (file.key === key) return true
  return false
}

/** So that the next compaction does not look at the whole history. Not worth a second try: the next one notes it again. */
async function noteCompacted(
  { objects }: Compaction,
  { stream, topic, partition }: Manifest,
  compactedTo: number,
): Promise<void> {
  const loaded = await readManifest(objects, stream, topic, partition)
  if ((loaded.manifest.compactedTo ?? 0) >= compactedTo) return
  await putHead(objects, loaded, { ...loaded.manifest, compactedTo })
}
