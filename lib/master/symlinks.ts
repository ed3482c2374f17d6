import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { mapAtOnce } from '../stream/at-once.ts'
import { symlinksPrefix } from './keys.ts'
import type { Manifest, MasterFile } from './manifest.ts'
import { filesOf, readManifests, type Timed } from './manifest-store.ts'
import { readReplaced } from './swap.ts'

/** Up to where the lists show the manifests, so that the next writer looks only at what has changed since. */
interface Written {
  readonly form: 2
  /** Unix ms. */
  readonly atMs: number
  /** By raw partition. */
  readonly partitions: Readonly<Record<string, Shown>>
}

interface Shown {
  /** Raw offsets below it are in the lists. */
  readonly end: number
  /** Keys of the replaced lists whose swaps are. */
  readonly replaced: readonly string[]
}

/** A replaced list, which says what a swap has changed, stays in the head for 24 hours. After half of it all is looked at. */
const KNOWN_MS = 12 * 3_600_000
const HOUR_MS = 3_600_000
const TRIES_MAX = 10

/**
 * Writes, for each hour folder of a stream's master, the list of the files that its manifests name, as Hive's
 * SymlinkTextInputFormat reads it: so that Athena, which knows folders only, never sees a file that is not committed or
 * has been replaced. To be called when views are published and after each compaction. A list is one object and comes
 * from one look at the manifests, so a query sees every record of an hour once; what was archived since, not yet.
 *
 * Looks at what was added and swapped since the last call, and at the hours that touches. A list is put under the condition
 * that it is the one that stood before the manifests were read: a writer that was held up never puts an older one.
 * Resolves with how many lists were written; 0 for a store whose objects have no name for other programs.
 */
export async function writeSymlinkManifests(
  objects: ObjectStore,
  stream: string,
  clock: Pick<Clock, 'nowMs'>,
): Promise<number> {
  if ((await objects.uri?.(writtenKey(stream))) === undefined) return 0
  const nowMs = clock.nowMs()
  const { before, etag } = await readWritten(objects, stream)
  const manifests = await readManifests(objects, stream)
  const known = before !== undefined && Math.abs(nowMs - before.atMs) < KNOWN_MS
  const changed = await changedFolders(objects, manifests, known ? before.partitions : {})
  let written = 0
  let left: readonly string[] = [...changed]
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt === TRIES_MAX) throw contested(stream)
    const result = await putLists(objects, stream, left)
    written += result.written
    left = result.refused
  }
  const same = changed.size === 0 && known && nowMs - before.atMs < KNOWN_MS / 2
  if (same) return 0
  const partitions = Object.fromEntries(manifests.map((one) => [nameOf(one), shownOf(one)]))
  const after: Written = { form: 2, atMs: nowMs, partitions }
  // Where it does not hold another writer has left its own, which is as true.
  await objects.put(writtenKey(stream), Buffer.from(JSON.stringify(after)), etag ? { etag } : 'absent')
  return written
}

/** Folders of the files that were added or swapped since: `date=2026-01-31/hour=07`. */
async function changedFolders(
  objects: ObjectStore,
  manifests: readonly Manifest[],
  before: Written['partitions'],
): Promise<ReadonlySet<string>> {
  const folders = new Set<string>()
  await mapAtOnce(manifests, async (manifest) => {
    const { end, replaced } = before[nameOf(manifest)] ?? { end: 0, replaced: [] }
    for await (const { key } of filesOf(objects, manifest, ({ to }) => to > end)) folders.add(folderOf(key))
    for (const list of manifest.replaced ?? [])
      if (end > 0 && !replaced.includes(list.key))
        for (const { key } of await readReplaced(objects, list))
          if (key.endsWith('.parquet')) folders.add(folderOf(key))
  })
  return folders
}

/** Puts the lists of some folders; those under which another writer's came are refused. */
async function putLists(
  objects: ObjectStore,
  stream: string,
  folders: readonly string[],
): Promise<{ readonly written: number; readonly refused: readonly string[] }> {
  const stood = await mapAtOnce(folders, (folder) => objects.get(listKey(stream, folder)))
  // After the lists: so who puts one has seen every manifest that the one before was made of.
  const files = await filesByFolder(objects, stream, folders)
  let written = 0
  const refused: string[] = []
  await mapAtOnce([...folders.entries()], async ([i, folder]) => {
    const uris = await Promise.all((files.get(folder) ?? []).map(({ key }) => objects.uri?.(key)))
    const bytes = Buffer.from(uris.join('\n'))
    const stands = stood[i]
    if (stands !== undefined && Buffer.compare(stands.bytes, bytes) === 0) return
    const condition = stands === undefined ? 'absent' : { etag: stands.etag }
    if ((await objects.put(listKey(stream, folder), bytes, condition)).ok) written++
    else refused.push(folder)
  })
  return { written, refused }
}

/** The listed files of some folders, in order of partition and offset. */
async function filesByFolder(
  objects: ObjectStore,
  stream: string,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, readonly MasterFile[]>> {
  const folders = new Map<string, MasterFile[]>(wanted.map((folder) => [folder, []]))
  const hours = wanted.map(startOf)
  const mayHold = ({ minAppendMs = 0, maxAppendMs = Number.POSITIVE_INFINITY }: Timed) =>
    hours.some((hour) => minAppendMs < hour + HOUR_MS && maxAppendMs >= hour)
  const found = await mapAtOnce(await readManifests(objects, stream), async (manifest) => {
    const files: MasterFile[] = []
    for await (const file of filesOf(objects, manifest, mayHold)) files.push(file)
    return files
  })
  for (const file of found.flat()) folders.get(folderOf(file.key))?.push(file)
  return folders
}

function folderOf(key: string): string {
  return key.split('/').slice(-3, -1).join('/')
}

/** Of a folder's hour, Unix ms. */
function startOf(folder: string): number {
  const [, date = '', hour = ''] = /date=([^/]+)\/hour=(\d+)/.exec(folder) ?? []
  return Date.parse(`${date}T${hour}:00:00Z`)
}

function shownOf({ progress, replaced = [] }: Manifest): Shown {
  return { end: progress.highestOrigin + 1, replaced: replaced.map(({ key }) => key) }
}

function nameOf({ topic, partition }: Manifest): string {
  return `${topic}-${partition}`
}

async function readWritten(
  objects: ObjectStore,
  stream: string,
): Promise<{ readonly before?: Written; readonly etag?: string }> {
  const stored = await objects.get(writtenKey(stream))
  if (stored === undefined) return {}
  const { etag } = stored
  const found = JSON.parse(Buffer.from(stored.bytes).toString()) as Partial<Written>
  return found.form === 2 ? { before: found as Written, etag } : { etag }
}

function contested(stream: string): PortError {
  const what = `lists of files of ${stream} changed ${TRIES_MAX} times under one write`
  return new PortError('THROTTLED', what, { curable: true })
}

function listKey(stream: string, folder: string): string {
  return `${symlinksPrefix(stream)}${folder}/files.txt`
}

/** Under a name that readers of the folder skip. */
function writtenKey(stream: string): string {
  return `${symlinksPrefix(stream)}_written.json`
}
