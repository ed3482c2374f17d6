import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { headsPrefix, masterPrefix, partitionOfKey, symlinksPrefix } from './keys.ts'
import { type Chapter, emptyManifest, type Manifest } from './manifest.ts'
import { putHead, readChapter, readManifest, readManifests } from './manifest-store.ts'
import { readReplaced } from './swap.ts'

/** An attempt that has written objects commits them within its function's time limit; this is several times as long. */
const OLDER_MIN_MS = 3_600_000
/** Longer than any reader holds on to a head it has read: a recompute may take six hours. */
export const GRACE_MS = 24 * 3_600_000
const TRIES_MAX = 50

export interface SweepOptions {
  /** Age of an orphan, at least an hour (default): a younger one may be about to be committed. */
  readonly olderThanMs?: number
  /** How long what compaction has replaced stays for its readers. */
  readonly graceMs?: number
}

export interface Swept {
  readonly objects: number
  readonly sizeBytes: number
}

interface Sweep {
  readonly objects: ObjectStore
  /** What was replaced before it goes, Unix ms. */
  readonly replacedBeforeMs: number
}

/**
 * Deletes the objects of a stream's master that no manifest refers to any more: what attempts wrote that were never
 * committed, and what compaction has replaced, once the time of grace is over. Resolves with what went. Throws a
 * RangeError for an age under an hour.
 *
 * Between looking and deleting it changes every head by one conditional write, and puts one for each partition that has
 * objects to delete and no head yet. Whoever wrote an object before that and has not committed it finds the head changed,
 * and does not commit it any more: so nothing that is deleted here can come to be listed, however long its writer was
 * held up.
 */
export async function sweepOrphans(
  { objects, clock }: { readonly objects: ObjectStore; readonly clock: Pick<Clock, 'nowMs'> },
  stream: string,
  { olderThanMs = OLDER_MIN_MS, graceMs = GRACE_MS }: SweepOptions = {},
): Promise<Swept> {
  if (!(olderThanMs >= OLDER_MIN_MS))
    throw new RangeError(`orphans are swept at ${OLDER_MIN_MS} ms or older, got ${olderThanMs}`)
  const nowMs = clock.nowMs()
  const sweep = { objects, replacedBeforeMs: nowMs - graceMs }
  const old = await oldObjects(objects, stream, nowMs - olderThanMs)
  // Manifests are read after the listing: what was committed in between is not an orphan any more.
  const manifests = await readManifests(objects, stream)
  await dropReferred(sweep, manifests, old)
  if (old.size === 0) return { objects: 0, sizeBytes: 0 }
  const fenced: Manifest[] = []
  for (const manifest of [...manifests, ...withoutHead(stream, manifests, old.keys())])
    fenced.push(await fence(sweep, manifest))
  await dropReferred(sweep, fenced, old)
  for (const key of old.keys()) await objects.delete(key)
  return { objects: old.size, sizeBytes: [...old.values()].reduce((sum, size) => sum + size, 0) }
}

/** Sizes of all objects, but for the heads, that were put before `beforeMs`, by key. */
async function oldObjects(
  objects: ObjectStore,
  stream: string,
  beforeMs: number,
): Promise<Map<string, number>> {
  const old = new Map<string, number>()
  const others = [headsPrefix(stream), symlinksPrefix(stream)]
  for await (const { key, modifiedMs, sizeBytes } of objects.list(masterPrefix(stream)))
    if (modifiedMs < beforeMs && !others.some((prefix) => key.startsWith(prefix))) old.set(key, sizeBytes)
  return old
}

/** Empty manifests of the partitions that objects were written for and that have no head: of a first commit held up. */
function withoutHead(stream: string, manifests: readonly Manifest[], keys: Iterable<string>) {
  const name = ({ topic, partition }: Pick<Manifest, 'topic' | 'partition'>) => `${topic}-${partition}`
  const headed = new Set(manifests.map(name))
  const missing = new Map<string, Manifest>()
  for (const key of keys) {
    const at = partitionOfKey(key)
    if (at !== undefined && !headed.has(name(at)))
      missing.set(name(at), emptyManifest(stream, at.topic, at.partition))
  }
  return missing.values()
}

/** Changes a head, or puts the first, so that no commit begun before can succeed, and takes out the replaced lists whose grace is over. */
async function fence(
  { objects, replacedBeforeMs }: Sweep,
  { stream, topic, partition }: Manifest,
): Promise<Manifest> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const loaded = await readManifest(objects, stream, topic, partition)
    const replaced = (loaded.manifest.replaced ?? []).filter(({ toMs }) => toMs >= replacedBeforeMs)
    const after = { ...loaded.manifest, replaced, sweeps: (loaded.manifest.sweeps ?? 0) + 1 }
    if (await putHead(objects, loaded, after)) return after
  }
  throw new PortError(
    'THROTTLED',
    `manifest ${topic}-${partition} changed ${TRIES_MAX} times under a sweep`,
    {
      curable: true,
    },
  )
}

async function dropReferred(
  sweep: Sweep,
  manifests: readonly Manifest[],
  old: Map<string, number>,
): Promise<void> {
  for (const manifest of manifests) for await (const key of referredKeys(sweep, manifest)) old.delete(key)
}

async function* referredKeys(
  sweep: Sweep,
  { chapters, files, replaced = [] }: Manifest,
): AsyncGenerator<string> {
  for (const { key } of files) yield key
  for (const chapter of chapters) yield* referredByChapter(sweep.objects, chapter)
  for (const list of replaced) {
    if (list.toMs < sweep.replacedBeforeMs) continue
    yield list.key
    for (const { key, replacedMs } of await readReplaced(sweep.objects, list))
      if (replacedMs >= sweep.replacedBeforeMs) yield key
  }
}

async function* referredByChapter(objects: ObjectStore, chapter: Chapter): AsyncGenerator<string> {
  yield chapter.key
  for (const item of await readChapter(objects, chapter)) {
    if ('level' in item) yield* referredByChapter(objects, item)
    else yield item.key
  }
}
