import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { FolderStore } from './folder-store.ts'
import { SqliteStore } from './sqlite-store.ts'
import { systemClock } from './system-clock.ts'

/** Where things lie in a data folder. Everything of one local deployment is under it. */
export interface DataFolder {
  readonly dir: string
  readonly logDir: string
  readonly statePath: string
  readonly objectsDir: string
  readonly socketPath: string
}

export function dataFolder(dir: string): DataFolder {
  const root = resolve(dir)
  return {
    dir: root,
    logDir: join(root, 'log'),
    statePath: join(root, 'state.db'),
    objectsDir: join(root, 'objects'),
    socketPath: join(root, 'host.sock'),
  }
}

/** The stores of a data folder, made where they are not. Any number of processes may open them at once. */
export async function openStores(folder: DataFolder): Promise<{ keyed: KeyedStore; objects: ObjectStore }> {
  return { keyed: await openSqliteStore(folder), objects: await openFolderStore(folder) }
}

export async function openSqliteStore(folder: DataFolder): Promise<KeyedStore> {
  await mkdir(folder.dir, { recursive: true })
  return SqliteStore.open(folder.statePath, { clock: systemClock })
}

export async function openFolderStore(folder: DataFolder): Promise<ObjectStore> {
  await mkdir(folder.dir, { recursive: true })
  return FolderStore.open(folder.objectsDir)
}
