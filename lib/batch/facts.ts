import { type ListedFile, manifestFiles, rowsOfFile, valuesOfFile } from '../master/read.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Ports } from '../ports/ports.ts'
import { type RetractedStretch, readRetractions, retractedRanges } from '../state/retractions.ts'
import type { Stream } from '../stream/define.ts'
import type { Observed } from '../stream/detector.ts'
import type { OkEntry } from '../stream/entry.ts'
import type { Value } from '../stream/value.ts'

/**
 * The records of a stream's master that models are made of: those that passed and are not retracted. Which ones they are
 * is settled when it is opened, so that they are the same however often they are read.
 */
export class Facts {
  readonly #objects: ObjectStore
  readonly #files: readonly ListedFile[]
  readonly #retractions: readonly RetractedStretch[]

  private constructor(
    objects: ObjectStore,
    files: readonly ListedFile[],
    retractions: readonly RetractedStretch[],
  ) {
    this.#objects = objects
    this.#files = files
    this.#retractions = retractions
  }

  static async open(
    { keyed, objects }: Pick<Ports, 'keyed' | 'objects'>,
    { name }: Pick<Stream, 'name'>,
  ): Promise<Facts> {
    const retractions = await readRetractions(keyed, name)
    const files: ListedFile[] = []
    for await (const one of manifestFiles(objects, name, {}, ({ outcomes }) => outcomes.ok > 0))
      files.push(one)
    return new Facts(objects, files, retractions)
  }

  /** The records with the given fields, some thousands at a time. */
  async *values(fields: readonly string[]): AsyncGenerator<readonly Value[]> {
    for (const listed of this.#files) {
      if (this.#gone(listed).length === 0) yield* valuesOfFile(this.#objects, listed.file, fields)
      else for await (const entries of this.#left(listed, fields)) yield entries.map(({ value }) => value)
    }
  }

  /** The same with the time when each happened. */
  async *observed(fields: readonly string[]): AsyncGenerator<readonly Observed[]> {
    for (const listed of this.#files)
      for await (const entries of this.#left(listed, fields))
        yield entries.map(({ value, eventTime }) => ({ value, eventTimeMs: eventTime }))
  }

  async *#left(listed: ListedFile, fields: readonly string[]): AsyncGenerator<readonly OkEntry[]> {
    const gone = this.#gone(listed)
    for await (const rows of rowsOfFile(this.#objects, listed.file, fields))
      yield rows
        .filter((row) => row.outcome === 'ok')
        .filter(({ offset }) => !gone.some(({ from, to }) => from <= offset && offset < to))
  }

  /** What of the file's offsets is retracted. */
  #gone({ manifest, file }: ListedFile) {
    return retractedRanges(this.#retractions, manifest.topic, manifest.partition).filter(
      ({ from, to }) => from < file.to && to > file.from,
    )
  }
}
