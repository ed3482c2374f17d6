import { mkdirSync, renameSync, rmdirSync, statSync, unlinkSync, utimesSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type {
  ObjectCondition,
  ObjectInfo,
  ObjectPutResult,
  ObjectStore,
  StoredObject,
} from '../ports/object-store.ts'
import { syncFolder } from './fd-io.ts'
import { fsCode, portErrorOfFs } from './fs-errors.ts'
import { etagOf, fileStats, infoOf, listObjects, readObject } from './object-files.ts'
import { checkObjectKey, OWN_FOLDER, objectPath } from './object-path.ts'
import { systemClock } from './system-clock.ts'
import { TemporaryFiles } from './temporary-files.ts'
import { VersionStamps } from './version-stamps.ts'

export interface FolderStoreOptions {
  /** Gives objects their times. */
  readonly clock?: Pick<Clock, 'nowMs'>
  /** What a resolved put survives, besides the end of this process. 'always' (default): a power cut. 'never': nothing. */
  readonly fsync?: 'always' | 'never'
}

/**
 * An ObjectStore in a folder: an object's file has the object's key for its path (see `objectPath`), so that people and
 * other programs can read it. A put writes a file aside and renames it into place; the rename, and the check of the
 * condition before it, happen under a lock among all processes.
 */
export class FolderStore implements ObjectStore {
  readonly #dir: string
  readonly #temporary: TemporaryFiles
  readonly #stamps: VersionStamps
  readonly #durable: boolean

  private constructor(dir: string, temporary: TemporaryFiles, stamps: VersionStamps, durable: boolean) {
    this.#dir = dir
    this.#temporary = temporary
    this.#stamps = stamps
    this.#durable = durable
  }

  /** Makes the folder where there is none. Any number of processes may have it open. */
  static async open(dir: string, options: FolderStoreOptions = {}): Promise<FolderStore> {
    const clock = options.clock ?? systemClock
    const own = join(dir, OWN_FOLDER)
    const temporary = new TemporaryFiles(join(own, 'temporary'))
    temporary.sweep(clock.nowMs())
    await temporary.assertKeepsTimes(clock.nowMs())
    const stamps = await VersionStamps.open(join(own, 'stamps.db'), clock)
    return new FolderStore(dir, temporary, stamps, options.fsync !== 'never')
  }

  /** Where the object's file is, or would be: for engines that read files themselves. Throws BAD_KEY. */
  path(key: string): string {
    checkObjectKey(key)
    return join(this.#dir, objectPath(key))
  }

  async uri(key: string): Promise<string> {
    return pathToFileURL(this.path(key)).href
  }

  async put(key: string, bytes: Uint8Array, condition: ObjectCondition = 'any'): Promise<ObjectPutResult> {
    return this.#attempt(async () => {
      const path = this.path(key)
      const temporary = await this.#temporary.write(bytes, this.#durable)
      try {
        const put = await this.#replace(key, path, temporary, condition)
        if (!put.ok) return { ok: false }
        if (this.#durable) await syncFolders(dirname(path), put.firstNewFolder)
        return { ok: true, etag: put.etag }
      } finally {
        await rm(temporary, { force: true })
      }
    })
  }

  async get(
    key: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<StoredObject | undefined> {
    return this.#attempt(() => readObject(this.path(key), range))
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#attempt(async () => {
      const stats = fileStats(this.path(key))
      return stats === undefined ? undefined : infoOf(key, stats)
    })
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    this.#assertOpen()
    yield* listObjects(this.#dir, prefix)
  }

  async delete(key: string): Promise<void> {
    return this.#attempt(async () => {
      const path = this.path(key)
      await this.#stamps.exclusively(() => {
        if (fileStats(path) === undefined) return
        unlinkSync(path)
        this.#removeEmptyFolders(dirname(path))
      })
    })
  }

  async close(): Promise<void> {
    this.#stamps.close()
  }

  #replace(key: string, path: string, temporary: string, condition: ObjectCondition): Promise<Replaced> {
    return this.#stamps.exclusively((stampUs) => {
      if (!meets(condition, path)) return { ok: false }
      utimesSync(temporary, stampUs / 1e6, stampUs / 1e6)
      const etag = etagOf(statSync(temporary, { bigint: true }))
      try {
        const firstNewFolder = mkdirSync(dirname(path), { recursive: true })
        renameSync(temporary, path)
        return { ok: true, etag, firstNewFolder }
      } catch (error) {
        throw isFolderClash(error) ? folderClash(key, error) : error
      }
    })
  }

  #removeEmptyFolders(dir: string): void {
    for (let folder = dir; folder !== this.#dir; folder = dirname(folder)) {
      try {
        rmdirSync(folder)
      } catch {
        return // not empty: it stays, and so do those above
      }
    }
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    try {
      return await work()
    } catch (error) {
      throw portErrorOfFs(error)
    }
  }

  #assertOpen(): void {
    if (this.#stamps.isOpen) return
    throw new PortError('CLOSED', `${this.#dir} has been closed`, { curable: false })
  }
}

type Replaced =
  | { readonly ok: true; readonly etag: string; readonly firstNewFolder: string | undefined }
  | { readonly ok: false }

function meets(condition: ObjectCondition, path: string): boolean {
  if (condition === 'any') return true
  const stats = fileStats(path)
  if (condition === 'absent') return stats === undefined
  return stats !== undefined && etagOf(stats) === condition.etag
}

function isFolderClash(error: unknown): boolean {
  return ['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY'].includes(fsCode(error) ?? '')
}

function folderClash(key: string, cause: unknown): PortError {
  const message = `${key} and another object's key clash: one is the other's folder`
  return new PortError('BAD_KEY', message, { curable: false, cause })
}

/** The folder a file was renamed into and, where folders were made for it, those up to the one that holds the first. */
async function syncFolders(dir: string, firstNew: string | undefined): Promise<void> {
  const last = firstNew === undefined ? dir : dirname(firstNew)
  for (let folder = dir; ; folder = dirname(folder)) {
    await syncFolder(folder)
    if (folder === last || folder === dirname(folder)) return
  }
}
