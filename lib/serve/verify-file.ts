import { entriesOf } from '../formats/parquet-entries.ts'
import { readParquet } from '../formats/parquet-read.ts'
import type { Manifest, MasterFile } from '../master/manifest.ts'
import { sha256Of } from '../master/manifest-store.ts'
import { addFigures, NO_FIGURES } from '../master/new-file.ts'
import { bytesFile } from '../master/object-file.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Entry } from '../stream/entry.ts'

/** A master file checked against its manifest. */
export interface CheckedFile {
  /** Its bytes are those that were written, and all of its rows could be read. */
  readonly whole: boolean
  readonly problems: readonly string[]
}

/**
 * Checks one file and hands its entries on, one row group at a time, where its bytes are those that were written.
 * `fields`: those that the entries are to hold.
 */
export async function checkFile(
  objects: ObjectStore,
  manifest: Pick<Manifest, 'topic' | 'partition'>,
  file: MasterFile,
  fields: readonly string[],
  onRows: (entries: readonly Entry[]) => void,
): Promise<CheckedFile> {
  const stored = await objects.get(file.key)
  if (stored === undefined) return unread('is gone')
  const { bytes } = stored
  if (bytes.length !== file.sizeBytes)
    return unread(`is ${bytes.length} bytes long, its manifest says ${file.sizeBytes}`)
  if (sha256Of(bytes) !== file.sha256) return unread('has other bytes than were written: sha256 differs')
  const rows = new RowCheck(manifest, file)
  try {
    for await (const chunk of readParquet(bytesFile(bytes), { fields })) {
      const entries = entriesOf(chunk, fields)
      rows.add(entries)
      onRows(entries)
    }
  } catch (error) {
    return unread(`cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { whole: true, problems: rows.finish() }
}

function unread(problem: string): CheckedFile {
  return { whole: false, problems: [problem] }
}

/** What is wrong with a file's rows: at most one of each kind, the first. */
class RowCheck {
  readonly #manifest: Pick<Manifest, 'topic' | 'partition'>
  readonly #file: MasterFile
  #figures = NO_FIGURES
  #stranger: string | undefined
  #misplaced: string | undefined

  constructor(manifest: Pick<Manifest, 'topic' | 'partition'>, file: MasterFile) {
    this.#manifest = manifest
    this.#file = file
  }

  add(entries: readonly Entry[]): void {
    const { topic, partition } = this.#manifest
    const first = this.#figures.rows
    for (const [i, entry] of entries.entries()) {
      if (entry.topic !== topic || entry.partition !== partition)
        this.#stranger ??= `holds offset ${entry.offset} of ${entry.topic}-${entry.partition}`
      const due = this.#file.from + first + i
      if (entry.offset !== due)
        this.#misplaced ??= `row ${first + i} is offset ${entry.offset}, expected ${due}`
    }
    this.#figures = addFigures(this.#figures, entries)
  }

  finish(): readonly string[] {
    const file = this.#file
    const problems = [this.#stranger, this.#misplaced].filter((one) => one !== undefined)
    if (this.#figures.rows !== file.to - file.from)
      problems.push(`holds ${this.#figures.rows} rows for the offsets [${file.from}, ${file.to})`)
    for (const [name, found] of Object.entries(this.#figures)) {
      const said = JSON.stringify(file[name as keyof MasterFile])
      if (JSON.stringify(found) !== said)
        problems.push(`its manifest says ${name} ${said}, its rows make ${JSON.stringify(found)}`)
    }
    return problems
  }
}
