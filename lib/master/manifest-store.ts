import { createHash, randomUUID } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { mapAtOnce } from '../stream/at-once.ts'
import { chapterKey, headKey, headsPrefix } from './keys.ts'
import {
  type Chapter,
  type ChapterBody,
  emptyManifest,
  type Holding,
  type Manifest,
  type ManifestProgress,
  type MasterFile,
  totalOf,
} from './manifest.ts'

/** Files a head lists before they are sealed, and chapters of a level before they are: a head stays below 100 kB. */
export const SEAL_ITEMS = 128
/** A head changes under one commit by a compaction or a sweep, which are rare. */
const TRIES_MAX = 20

export interface LoadedManifest {
  readonly manifest: Manifest
  /** Undefined where no head is stored yet. */
  readonly etag: string | undefined
}

/** The manifest of a raw partition, read strongly consistent; an empty one where there is none. */
export async function readManifest(
  objects: ObjectStore,
  stream: string,
  topic: string,
  partition: number,
): Promise<LoadedManifest> {
  const key = headKey(stream, topic, partition)
  const head = await objects.get(key)
  if (head === undefined) return { manifest: emptyManifest(stream, topic, partition), etag: undefined }
  return { manifest: headFromBytes(key, head.bytes), etag: head.etag }
}

/** The manifests of all raw partitions of a stream, in order of topic and partition. */
export async function readManifests(objects: ObjectStore, stream: string): Promise<readonly Manifest[]> {
  const keys: string[] = []
  for await (const { key } of objects.list(headsPrefix(stream))) keys.push(key)
  const heads = await mapAtOnce(keys, async (key) => {
    const head = await objects.get(key)
    return head === undefined ? [] : [headFromBytes(key, head.bytes)]
  })
  return heads
    .flat()
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

/** The stretches and the progress that one batch adds. */
export interface Addition {
  /** Committed from this call on, in order of offset, above everything the manifest lists. */
  readonly files: readonly MasterFile[]
  readonly progress: ManifestProgress
}

/**
 * Adds to the manifest, if it still ends where the one that was loaded did. 'moved': it does not, or this very commit
 * has succeeded before (a put that was sent twice); who re-reads it sees which. A compaction that came between is no
 * matter: what it swaps lies below the addition.
 */
export async function commit(
  objects: ObjectStore,
  loaded: LoadedManifest,
  addition: Addition,
  sealItems = SEAL_ITEMS,
): Promise<'done' | 'moved'> {
  checkAddition(loaded.manifest, addition)
  let now = loaded
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    if (await tryCommit(objects, now, addition, sealItems)) return 'done'
    const { stream, topic, partition } = loaded.manifest
    now = await readManifest(objects, stream, topic, partition)
    if (!isSamePlace(now.manifest, loaded.manifest)) return 'moved'
  }
  return 'moved'
}

/** Nothing was committed between the two, and no sweep can have taken what was written for a commit. */
function isSamePlace(a: Manifest, b: Manifest): boolean {
  return a.progress.nextOffset === b.progress.nextOffset && (a.sweeps ?? 0) === (b.sweeps ?? 0)
}

async function tryCommit(
  objects: ObjectStore,
  loaded: LoadedManifest,
  addition: Addition,
  sealItems: number,
): Promise<boolean> {
  const before = loaded.manifest
  const files = [...before.files, ...addition.files]
  const after = await seal(objects, { ...before, progress: addition.progress, files }, sealItems)
  return putHead(objects, loaded, after)
}

/** Replaces the head that was loaded, which is the one write that makes any change of a master happen. False: it is another. */
export async function putHead(
  objects: ObjectStore,
  { manifest, etag }: LoadedManifest,
  after: Manifest,
): Promise<boolean> {
  const key = headKey(manifest.stream, manifest.topic, manifest.partition)
  const bytes = Buffer.from(JSON.stringify({ ...after, version: manifest.version + 1 }))
  return (await objects.put(key, bytes, etag === undefined ? 'absent' : { etag })).ok
}

/** A defect of the caller, found before it becomes one of the master. */
function checkAddition({ topic, partition, progress }: Manifest, addition: Addition): void {
  const { files, progress: next } = addition
  let end = progress.highestOrigin + 1
  for (const { from, to, rows, key } of files) {
    if (from < end || to <= from || rows !== to - from)
      throw new Error(
        `manifest ${topic}-${partition} ends at ${end} and cannot take ${key} with ${rows} rows`,
      )
    end = to
  }
  if (next.highestOrigin !== end - 1 || next.nextOffset < progress.nextOffset)
    throw new Error(
      `manifest ${topic}-${partition}: progress ${JSON.stringify(next)} does not fit its end ${end}`,
    )
}

/** Seals full levels into chapters. A chapter that no head comes to refer to is an orphan, swept by age. */
async function seal(objects: ObjectStore, manifest: Manifest, sealItems: number): Promise<Manifest> {
  let { files, chapters } = manifest
  if (files.length >= sealItems) {
    chapters = [...chapters, await putChapter(objects, manifest, 1, files)]
    files = []
  }
  for (let level = 1; ; level++) {
    const full = chapters.filter((chapter) => chapter.level === level)
    if (full.length < sealItems) return { ...manifest, files, chapters }
    const above = chapters.filter((chapter) => chapter.level > level)
    chapters = [...above, await putChapter(objects, manifest, level + 1, full)]
  }
}

export async function putChapter(
  objects: ObjectStore,
  { stream, topic, partition }: Pick<Manifest, 'stream' | 'topic' | 'partition'>,
  level: number,
  items: readonly (MasterFile | Chapter)[],
): Promise<Chapter> {
  const body: ChapterBody = { form: 1, level, items }
  const bytes = Buffer.from(JSON.stringify(body))
  const total = totalOf(items)
  const key = chapterKey(stream, topic, partition, total.from, randomUUID())
  await putNew(objects, key, bytes)
  return { key, level, sha256: sha256Of(bytes), ...total, ...appendTimesOf(items) }
}

/** Between which append times the records of all items lie; nothing where one does not say it. */
function appendTimesOf(items: readonly Timed[]): Pick<Chapter, 'minAppendMs' | 'maxAppendMs'> {
  const mins = items.flatMap(({ minAppendMs }) => minAppendMs ?? [])
  const maxs = items.flatMap(({ maxAppendMs }) => maxAppendMs ?? [])
  if (mins.length < items.length || maxs.length < items.length) return {}
  return { minAppendMs: Math.min(...mins), maxAppendMs: Math.max(...maxs) }
}

/**
 * Puts an object under a name that only this call has. A name already taken is this call's own success, sent twice
 * (rule 10); should its size say otherwise, throws.
 */
export async function putNew(objects: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  const { ok } = await objects.put(key, bytes, 'absent')
  if (ok) return
  const stands = await objects.head(key)
  if (stands?.sizeBytes !== bytes.length)
    throw new PortError('CORRUPT', `object ${key} is not the one just written`, { curable: false })
}

/** A stretch; of a chapter that was sealed before its append times were noted they are not known. */
export type Timed = Holding & Pick<Chapter, 'minAppendMs' | 'maxAppendMs'>

/**
 * The files a manifest lists, in order of offset. A chapter of which `wanted` is false is skipped unread, a file too:
 * so it must hold for a chapter as soon as it holds for a file in it.
 */
export async function* filesOf(
  objects: ObjectStore,
  { chapters, files }: Pick<Manifest, 'chapters' | 'files'>,
  wanted: (stretch: Timed) => boolean = () => true,
): AsyncGenerator<MasterFile> {
  for (const chapter of chapters) if (wanted(chapter)) yield* filesOfChapter(objects, chapter, wanted)
  yield* files.filter(wanted)
}

/** The files a manifest lists, the newest first: for who needs some of the last ones. */
export async function* filesBackwards(
  objects: ObjectStore,
  { chapters, files }: Pick<Manifest, 'chapters' | 'files'>,
): AsyncGenerator<MasterFile> {
  yield* files.toReversed()
  for (const chapter of chapters.toReversed()) yield* chapterBackwards(objects, chapter)
}

async function* chapterBackwards(objects: ObjectStore, chapter: Chapter): AsyncGenerator<MasterFile> {
  for (const item of (await readChapter(objects, chapter)).toReversed())
    if ('level' in item) yield* chapterBackwards(objects, item)
    else yield item
}

async function* filesOfChapter(
  objects: ObjectStore,
  chapter: Chapter,
  wanted: (stretch: Timed) => boolean,
): AsyncGenerator<MasterFile> {
  for (const item of await readChapter(objects, chapter)) {
    if (!wanted(item)) continue
    if ('level' in item) yield* filesOfChapter(objects, item, wanted)
    else yield item
  }
}

/** What a chapter lists. Rejects with code CORRUPT where its object is gone or not the one that was sealed. */
export async function readChapter(
  objects: ObjectStore,
  chapter: Chapter,
): Promise<readonly (MasterFile | Chapter)[]> {
  const stored = await objects.get(chapter.key)
  const trouble = stored === undefined ? 'is gone' : 'has other bytes than were sealed'
  if (stored === undefined || sha256Of(stored.bytes) !== chapter.sha256)
    throw new PortError('CORRUPT', `chapter ${chapter.key} ${trouble}`, { curable: false })
  return (JSON.parse(Buffer.from(stored.bytes).toString()) as ChapterBody).items
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function headFromBytes(key: string, bytes: Uint8Array): Manifest {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString())
  } catch (cause) {
    throw new PortError('CORRUPT', `manifest ${key} is not JSON`, { curable: false, cause })
  }
  if (typeof json !== 'object' || json === null || !('form' in json) || json.form !== 1)
    throw new PortError('CORRUPT', `manifest ${key} is not of form 1`, { curable: false })
  return json as Manifest
}
