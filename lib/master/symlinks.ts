import type { Clock } from '../ports/clock.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { symlinksPrefix } from './keys.ts'
import { sha256Of } from './manifest-store.ts'
import { manifestFiles } from './read.ts'

/** What the last writer left, so that the next one writes only lists that have changed. */
interface Written {
  readonly form: 1
  /** When all lists were last written, Unix ms. */
  readonly fullMs: number
  /** Digests of the lists, by folder. */
  readonly folders: Readonly<Record<string, string>>
}

/** Two writers at once may leave an older list. It is still right for as long as replaced files stay, four times this. */
const FULL_EVERY_MS = 6 * 3_600_000

/**
 * Writes, for each hour folder of a stream's master, the list of the files that its manifests name, as Hive's
 * SymlinkTextInputFormat reads it: so that Athena, which knows folders only, never sees a file that is not committed or
 * has been replaced. To be called when views are published and after each compaction. A list is one object and comes
 * from one look at the manifests, so a query sees every record of an hour once; what was archived since, not yet.
 *
 * Resolves with how many lists were written; 0 for a store whose objects have no name for other programs.
 */
export async function writeSymlinkManifests(
  objects: ObjectStore,
  stream: string,
  clock: Pick<Clock, 'nowMs'>,
): Promise<number> {
  if ((await objects.uri?.(writtenKey(stream))) === undefined) return 0
  const nowMs = clock.nowMs()
  const before = await readWritten(objects, stream)
  const full = before === undefined || nowMs - before.fullMs >= FULL_EVERY_MS || nowMs < before.fullMs
  const folders: Record<string, string> = {}
  let written = 0
  for (const [folder, keys] of await filesByFolder(objects, stream)) {
    const bytes = Buffer.from((await Promise.all(keys.map((key) => objects.uri?.(key)))).join('\n'))
    folders[folder] = sha256Of(bytes)
    if (!full && before.folders[folder] === folders[folder]) continue
    await objects.put(`${symlinksPrefix(stream)}${folder}/files.txt`, bytes)
    written++
  }
  if (written === 0) return 0
  const after: Written = { form: 1, fullMs: full ? nowMs : before.fullMs, folders }
  await objects.put(writtenKey(stream), Buffer.from(JSON.stringify(after)))
  return written
}

/** Keys of the listed files by the folder they lie in: `date=2026-01-31/hour=07`. */
async function filesByFolder(
  objects: ObjectStore,
  stream: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const folders = new Map<string, string[]>()
  for await (const { file } of manifestFiles(objects, stream)) {
    const folder = file.key.split('/').slice(-3, -1).join('/')
    const keys = folders.get(folder) ?? []
    if (keys.push(file.key) === 1) folders.set(folder, keys)
  }
  return folders
}

async function readWritten(objects: ObjectStore, stream: string): Promise<Written | undefined> {
  const stored = await objects.get(writtenKey(stream))
  if (stored === undefined) return undefined
  const found = JSON.parse(Buffer.from(stored.bytes).toString()) as Partial<Written>
  return found.form === 1 ? (found as Written) : undefined
}

/** Under a name that readers of the folder skip. */
function writtenKey(stream: string): string {
  return `${symlinksPrefix(stream)}_written.json`
}
