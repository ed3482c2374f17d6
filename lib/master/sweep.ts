import type { Clock } from '../ports/clock.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { headsPrefix, masterPrefix } from './keys.ts'
import type { Chapter, Manifest } from './manifest.ts'
import { readChapter, readManifests } from './manifest-store.ts'

/** An attempt that has written objects commits them within its function's time limit; this is several times as long. */
const OLDER_MIN_MS = 3_600_000

export interface Swept {
  readonly objects: number
  readonly sizeBytes: number
}

/**
 * Deletes the objects of a stream's master that no manifest refers to and that are older than `olderThanMs`: what
 * attempts wrote that were never committed. Resolves with what went. Throws a RangeError for an age under an hour,
 * because a younger object may be about to be committed.
 *
 * It must not run beside a compaction whose replaced files are still being read: those, too, no manifest refers to.
 */
export async function sweepOrphans(
  { objects, clock }: { readonly objects: ObjectStore; readonly clock: Pick<Clock, 'nowMs'> },
  stream: string,
  olderThanMs: number,
): Promise<Swept> {
  if (!(olderThanMs >= OLDER_MIN_MS))
    throw new RangeError(`orphans are swept at ${OLDER_MIN_MS} ms or older, got ${olderThanMs}`)
  const before = clock.nowMs() - olderThanMs
  const old = new Map<string, number>()
  for await (const { key, modifiedMs, sizeBytes } of objects.list(masterPrefix(stream)))
    if (modifiedMs < before && !key.startsWith(headsPrefix(stream))) old.set(key, sizeBytes)
  // Manifests are read after the listing: what was committed in between is not an orphan any more.
  for (const manifest of await readManifests(objects, stream))
    for await (const key of referredKeys(objects, manifest)) old.delete(key)
  for (const key of old.keys()) await objects.delete(key)
  return { objects: old.size, sizeBytes: [...old.values()].reduce((sum, size) => sum + size, 0) }
}

async function* referredKeys(
  objects: ObjectStore,
  { chapters, files }: Pick<Manifest, 'chapters' | 'files'>,
): AsyncGenerator<string> {
  for (const { key } of files) yield key
  for (const chapter of chapters) yield* referredByChapter(objects, chapter)
}

async function* referredByChapter(objects: ObjectStore, chapter: Chapter): AsyncGenerator<string> {
  yield chapter.key
  for (const item of await readChapter(objects, chapter)) {
    if ('level' in item) yield* referredByChapter(objects, item)
    else yield item.key
  }
}
