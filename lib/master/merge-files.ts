import { randomUUID } from 'node:crypto'
import { type MergeSource, openSource, ParquetMerge } from '../formats/parquet-merge.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { fileKey } from './keys.ts'
import { type Manifest, type MasterFile, totalOf } from './manifest.ts'
import { putNew, sha256Of } from './manifest-store.ts'
import { bytesFile } from './object-file.ts'

/** A file written to replace others; none lists it yet. */
export interface MergedFile {
  readonly sources: readonly MasterFile[]
  readonly file: MasterFile
}

export interface MergeOptions {
  /** About the size at which a file is done and the next one begun. */
  readonly targetBytes: number
  /** Asked before each source: true ends the merging with what has been taken so far. */
  readonly mustEnd: () => boolean
}

/**
 * Merges a run of files that follow each other into files of about `targetBytes`, written under names of their own, each
 * yielded as it is done. A file whose neighbours have other columns stays as it is. Rejects with code CORRUPT where a
 * source is not what the manifest says, so that damage is never written anew under a sum that holds.
 */
export async function* mergeFiles(
  objects: ObjectStore,
  manifest: Pick<Manifest, 'stream' | 'topic' | 'partition'>,
  files: readonly MasterFile[],
  { targetBytes, mustEnd }: MergeOptions,
): AsyncGenerator<MergedFile> {
  let output: Output | undefined
  for (const file of files) {
    if (mustEnd()) break
    const source = await readSource(objects, file)
    if (output !== undefined && (output.sizeBytes >= targetBytes || !output.takes(source))) {
      yield* output.finish(objects, manifest)
      output = undefined
    }
    output ??= new Output(source)
    await output.add(file, source)
  }
  if (output !== undefined) yield* output.finish(objects, manifest)
}

async function readSource(objects: ObjectStore, file: MasterFile): Promise<MergeSource> {
  const stored = await objects.get(file.key)
  const trouble = stored === undefined ? 'is gone' : 'has other bytes than were written'
  if (stored === undefined || sha256Of(stored.bytes) !== file.sha256)
    throw new PortError('CORRUPT', `master file ${file.key} ${trouble}: it is not merged`, { curable: false })
  return openSource(bytesFile(stored.bytes))
}

/** A file in the making. The first source waits for a second: one alone is not written anew. */
class Output {
  readonly #merge: ParquetMerge
  readonly #sources: MasterFile[] = []
  #first: MergeSource | undefined

  constructor({ columns }: MergeSource) {
    this.#merge = new ParquetMerge(columns)
  }

  takes(source: MergeSource): boolean {
    return this.#merge.takes(source)
  }

  get sizeBytes(): number {
    return this.#merge.sizeBytes
  }

  async add(file: MasterFile, source: MergeSource): Promise<void> {
    this.#sources.push(file)
    if (this.#sources.length === 1) {
      this.#first = source
      return
    }
    if (this.#first !== undefined) await this.#merge.add(this.#first)
    this.#first = undefined
    await this.#merge.add(source)
  }

  async *finish(
    objects: ObjectStore,
    { stream, topic, partition }: Pick<Manifest, 'stream' | 'topic' | 'partition'>,
  ): AsyncGenerator<MergedFile> {
    const [first] = this.#sources
    if (first === undefined || this.#sources.length === 1) return
    const bytes = this.#merge.finish()
    const { from, to, rows, outcomes, alerts } = totalOf(this.#sources)
    const stretch = { topic, partition, from, to, appendTimeMs: first.minAppendMs }
    const key = fileKey(stream, stretch, randomUUID())
    await putNew(objects, key, bytes)
    const holding = { from, to, rows, outcomes, alerts, sizeBytes: bytes.length }
    const file = { key, ...holding, sha256: sha256Of(bytes), ...timesOf(this.#sources) }
    yield { sources: this.#sources, file }
  }
}

function timesOf(files: readonly MasterFile[]) {
  const of = (name: 'minAppendMs' | 'maxAppendMs' | 'minEventMs' | 'maxEventMs') =>
    files.map((file) => file[name])
  return {
    minAppendMs: Math.min(...of('minAppendMs')),
    maxAppendMs: Math.max(...of('maxAppendMs')),
    minEventMs: Math.min(...of('minEventMs')),
    maxEventMs: Math.max(...of('maxEventMs')),
  }
}
