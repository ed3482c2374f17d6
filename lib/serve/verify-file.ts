import { entriesOf } from '../formats/parquet-entries.ts'
import { readParquet } from '../formats/parquet-read.ts'
import type { Manifest, MasterFile } from '../master/manifest.ts'
import { sha256Of } from '../master/manifest-store.ts'
import { figuresOf } from '../master/new-file.ts'
import { bytesFile } from '../master/object-file.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Entry } from '../stream/entry.ts'

/** A master file checked against its manifest: its entries where its bytes are those that were written, and everything that is wrong. */
export interface CheckedFile {
  readonly entries: readonly Entry[] | undefined
  readonly problems: readonly string[]
}

/** `fields`: those that the entries are to hold. */
export async function checkFile(
  objects: ObjectStore,
  { topic, partition }: Pick<Manifest, 'topic' | 'partition'>,
  file: MasterFile,
  fields: readonly string[],
): Promise<CheckedFile> {
  const stored = await objects.get(file.key)
  if (stored === undefined) return unread('is gone')
  const { bytes } = stored
  if (bytes.length !== file.sizeBytes)
    return unread(`is ${bytes.length} bytes long, its manifest says ${file.sizeBytes}`)
  if (sha256Of(bytes) !== file.sha256) return unread('has other bytes than were written: sha256 differs')
  try {
    const entries: Entry[] = []
    for await (const chunk of readParquet(bytesFile(bytes), { fields }))
      entries.push(...entriesOf(chunk, fields))
    return { entries, problems: rowProblems(entries, topic, partition, file) }
  } catch (error) {
    return unread(`cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function unread(problem: string): CheckedFile {
  return { entries: undefined, problems: [problem] }
}

function rowProblems(
  entries: readonly Entry[],
  topic: string,
  partition: number,
  file: MasterFile,
): readonly string[] {
  const problems: string[] = []
  const stranger = entries.find((entry) => entry.topic !== topic || entry.partition !== partition)
  if (stranger !== undefined)
    problems.push(`holds offset ${stranger.offset} of ${stranger.topic}-${stranger.partition}`)
  const wrongAt = entries.findIndex(({ offset }, i) => offset !== file.from + i)
  if (wrongAt >= 0)
    problems.push(`row ${wrongAt} is offset ${entries[wrongAt]?.offset}, expected ${file.from + wrongAt}`)
  if (entries.length !== file.to - file.from)
    problems.push(`holds ${entries.length} rows for the offsets [${file.from}, ${file.to})`)
  for (const [name, found] of Object.entries(figuresOf(entries))) {
    const said = JSON.stringify(file[name as keyof MasterFile])
    if (JSON.stringify(found) !== said)
      problems.push(`its manifest says ${name} ${said}, its rows make ${JSON.stringify(found)}`)
  }
  return problems
}
