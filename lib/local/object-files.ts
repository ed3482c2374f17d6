import { type BigIntStats, closeSync, openSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectInfo, StoredObject } from '../ports/object-store.ts'
import { fstatBig, readFully } from './fd-io.ts'
import { isNotThere } from './fs-errors.ts'
import { isKeyPrefix, keyPart, OWN_FOLDER, objectPath } from './object-path.ts'

/**
 * A file's etag: its modification time in microseconds, which no two puts into a store share (see `VersionStamps`), and
 * its size. So it is known without reading the file, and survives a copy of the folder that keeps times.
 */
export function etagOf({ mtimeNs, size }: BigIntStats): string {
  return `${((mtimeNs + 500n) / 1000n).toString(36)}-${size.toString(36)}`
}

/** The file's facts, or undefined where the path leads to no file. */
export function fileStats(path: string): BigIntStats | undefined {
  const stats = ifThere(() => statSync(path, { bigint: true }))
  return stats?.isFile() === true ? stats : undefined
}

export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return {
    key,
    etag: etagOf(stats),
    sizeBytes: Number(stats.size),
    modifiedMs: Number(stats.mtimeNs / 1_000_000n),
  }
}

/** Reads a file, or a range of it. What is renamed over its path meanwhile makes no difference. */
export async function readObject(
  path: string,
  range: { readonly start: number; readonly end: number } | undefined,
): Promise<StoredObject | undefined> {
  const fd = ifThere(() => openSync(path, 'r'))
  if (fd === undefined) return undefined
  try {
    const stats = await fstatBig(fd, { bigint: true })
    if (!stats.isFile()) return undefined
    const start = range?.start ?? 0
    const end = Math.min(range?.end ?? Number.POSITIVE_INFINITY, Number(stats.size))
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, end - start))
    if (bytes.length > 0) await readFully(fd, bytes, start)
    return { bytes, etag: etagOf(stats) }
  } finally {
    closeSync(fd)
  }
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (isNotThere(error)) return undefined
    throw error
  }
}

/** The objects below `dir` whose key starts with `prefix`, in ascending order of key. */
export async function* listObjects(dir: string, prefix: string): AsyncIterable<ObjectInfo> {
  if (!isKeyPrefix(prefix)) return
  const folders = prefix.split('/').slice(0, -1)
  const start = folders.length === 0 ? dir : join(dir, objectPath(folders.join('/')))
  yield* walk(start, folders.map((folder) => `${folder}/`).join(''), prefix)
}

interface Entry {
  readonly key: string
  readonly path: string
  readonly isFolder: boolean
}

async function* walk(dir: string, dirKey: string, prefix: string): AsyncIterable<ObjectInfo> {
  const entries = await entriesOf(dir, dirKey)
  // A folder sorts by its name with the slash, as the keys below it do.
  entries.sort((a, b) => (a.key < b.key ? -1 : 1))
  for (const { key, path, isFolder } of entries) {
    if (!key.startsWith(prefix) && !(isFolder && prefix.startsWith(key))) continue
    if (isFolder) yield* walk(path, key, prefix)
    else {
      const stats = fileStats(path)
      if (stats !== undefined) yield infoOf(key, stats)
    }
  }
}

/** The files and folders of a folder, those of a long name's continuation included, as if they lay here. */
async function entriesOf(dir: string, dirKey: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for (const entry of await readdirIfThere(dir)) {
    if (entry.name === OWN_FOLDER) continue
    const isFolder = entry.isDirectory()
    const path = join(dir, entry.name)
    const key = dirKey + keyPart(entry.name, isFolder)
    if (isFolder && !key.endsWith('/')) entries.push(...(await entriesOf(path, key)))
    else entries.push({ key, path, isFolder })
  }
  return entries
}

async function readdirIfThere(dir: string) {
  try {
    return await readdir(dir, { withFileTypes: true })
  } catch (error) {
    if (isNotThere(error)) return []
    throw error
  }
}
