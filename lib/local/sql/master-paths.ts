import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MasterFile } from '../../master/manifest.ts'
import { manifestFiles } from '../../master/read.ts'
import { PortError } from '../../ports/errors.ts'
import type { ObjectStore } from '../../ports/object-store.ts'
import { FolderStore } from '../folder-store.ts'

export interface PathsOptions {
  /** Where copies go of objects that are not files on this machine. */
  readonly copiesDir: string
  readonly onCopied?: (done: {
    readonly files: number
    readonly of: number
    readonly sizeBytes: number
  }) => void
  readonly signal?: AbortSignal
}

/** Objects that are asked for at once. */
const COPIES_AT_ONCE = 4

/**
 * Paths of a stream's master files, by its manifests and never by a listing: those in the folder store itself, or copies
 * of the objects of a store that an engine cannot read.
 */
export async function masterPaths(
  objects: ObjectStore,
  stream: string,
  options: PathsOptions,
): Promise<readonly string[]> {
  const files: MasterFile[] = []
  for await (const { file } of manifestFiles(objects, stream)) files.push(file)
  if (objects instanceof FolderStore) return files.map(({ key }) => objects.path(key))
  return copied(objects, files, join(options.copiesDir, stream), options)
}

async function copied(
  objects: ObjectStore,
  files: readonly MasterFile[],
  dir: string,
  { onCopied, signal }: PathsOptions,
): Promise<readonly string[]> {
  await mkdir(dir, { recursive: true })
  const paths = files.map((_, i) => join(dir, `${i}.parquet`))
  let next = 0
  let done = 0
  let sizeBytes = 0
  const copySome = async () => {
    for (let i = next++; i < files.length; i = next++) {
      signal?.throwIfAborted()
      const [file, path] = [files[i], paths[i]]
      if (file === undefined || path === undefined) return
      const stored = await objects.get(file.key)
      if (stored === undefined)
        throw new PortError('CORRUPT', `master file ${file.key} is gone though its manifest lists it`, {
          curable: false,
        })
      await writeFile(path, stored.bytes)
      sizeBytes += stored.bytes.length
      onCopied?.({ files: ++done, of: files.length, sizeBytes })
    }
  }
  await Promise.all(Array.from({ length: COPIES_AT_ONCE }, copySome))
  return paths
}
