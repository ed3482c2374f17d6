import { entriesOf, okValues } from '../formats/parquet-entries.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Stream } from '../stream/define.ts'
import type { Entry } from '../stream/entry.ts'
import type { Value } from '../stream/value.ts'
import type { Holding, Manifest, MasterFile } from './manifest.ts'
import { filesOf, readManifests } from './manifest-store.ts'
import { readMasterFile } from './read-file.ts'

interface Objects {
  readonly objects: ObjectStore
}

/** A file that a manifest lists. */
export interface ListedFile {
  readonly manifest: Manifest
  readonly file: MasterFile
}

/** Which stretches of a stream's master. */
export interface Where {
  /** Raw topic; undefined: of every generation. */
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  /** Raw offsets [from, to). */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/**
 * The files of a stream's master, by its manifests, in order of topic, partition and offset. `wanted` must hold for a
 * stretch as soon as it holds for a part of it: stretches where it does not are skipped unread.
 */
export async function* manifestFiles(
  objects: ObjectStore,
  stream: string,
  where: Where = {},
  wanted: (stretch: Holding) => boolean = () => true,
): AsyncGenerator<ListedFile> {
  const { from = 0, to = Number.POSITIVE_INFINITY } = where
  const here = (stretch: Holding) => stretch.to > from && stretch.from < to && wanted(stretch)
  for (const manifest of await readManifests(objects, stream)) {
    if (where.topic !== undefined && manifest.topic !== where.topic) continue
    if (where.partition !== undefined && manifest.partition !== where.partition) continue
    for await (const file of filesOf(objects, manifest, here)) yield { manifest, file }
  }
}

/**
 * The records that passed, some thousands at a time, in order of partition and offset, as they stood when the manifests
 * were read. `fields`: those a record is to hold; all where left out. Holds one file's rows at a time.
 */
export async function* masterValues(
  { objects }: Objects,
  stream: Pick<Stream, 'name'>,
  { fields }: { readonly fields?: readonly string[] } = {},
): AsyncGenerator<readonly Value[]> {
  for await (const { file } of manifestFiles(objects, stream.name, {}, ({ outcomes }) => outcomes.ok > 0))
    yield* valuesOfFile(objects, file, fields)
}

export interface RowsOptions extends Where {
  /** Fields a record is to hold; undefined: all. The envelope always comes whole. */
  readonly columns?: readonly string[] | undefined
  /** Skips stretches unread, e.g. those without dead letters; see `manifestFiles`. */
  readonly wanted?: (stretch: Holding) => boolean
}

/** The master's rows as the entries they were made of, in order of partition and offset, one row group at a time. */
export async function* masterRows(
  { objects }: Objects,
  stream: Pick<Stream, 'name'>,
  options: RowsOptions = {},
): AsyncGenerator<readonly Entry[]> {
  const { columns, wanted, from = 0, to = Number.POSITIVE_INFINITY } = options
  for await (const { file } of manifestFiles(objects, stream.name, options, wanted)) {
    const whole = from <= file.from && file.to <= to
    for await (const rows of rowsOfFile(objects, file, columns))
      yield whole ? rows : rows.filter(({ offset }) => from <= offset && offset < to)
  }
}

/** The records of one master file that passed, one row group at a time. Reads no more of the envelope than it must. */
export async function* valuesOfFile(
  objects: ObjectStore,
  file: Pick<MasterFile, 'key' | 'sizeBytes'>,
  fields?: readonly string[],
): AsyncGenerator<readonly Value[]> {
  const wanted = { fields, envelope: ['weir_outcome'] as const }
  for await (const chunk of readMasterFile(objects, file, wanted)) yield okValues(chunk, fields)
}

/** The rows of one master file, one row group at a time. */
export async function* rowsOfFile(
  objects: ObjectStore,
  file: Pick<MasterFile, 'key' | 'sizeBytes'>,
  columns?: readonly string[],
): AsyncGenerator<readonly Entry[]> {
  for await (const chunk of readMasterFile(objects, file, { fields: columns }))
    yield entriesOf(chunk, columns)
}
