import type { Manifest } from '../master/manifest.ts'
import { filesOf, readManifests } from '../master/manifest-store.ts'
import { masterRows, rowsOfFile } from '../master/read.ts'
import type { Ports } from '../ports/ports.ts'
import type { Stream } from '../stream/define.ts'
import type { DeadEntry, Entry, RawPointer } from '../stream/entry.ts'
import { type Origin, parseRecordId, recordId } from '../stream/origin.ts'
import { originalSizeBytes } from './original-bytes.ts'
import { type Retry, readRetry } from './retry-item.ts'

/** A record that could not be read, checked or processed, as it lies in the master. */
export interface DeadLetter {
  /** The record's id. */
  readonly id: string
  readonly origin: Origin
  readonly stage: DeadEntry['stage']
  readonly reason: string
  readonly appendTimeMs: number
  /** Of the original bytes. */
  readonly sizeBytes: number
  /** Where the bytes lie, if not in the master. */
  readonly pointer?: RawPointer
  /** Present once it has been put in again. `id` is missing while that is under way. */
  readonly retried?: { readonly id?: string; readonly atMs: number }
}

type Stores = Pick<Ports, 'objects' | 'keyed'>

/** The dead letters of a stream, newest first, at most `limit`. Opens only the files that hold some. */
export async function listDeadLetters(
  ports: Stores,
  stream: Pick<Stream, 'name'>,
  { limit }: { readonly limit: number },
): Promise<readonly DeadLetter[]> {
  const newest: DeadEntry[] = []
  for (const manifest of await readManifests(ports.objects, stream.name))
    newest.push(...(await newestOf(ports, manifest, limit)))
  newest.sort((a, b) => b.appendTime - a.appendTime || b.partition - a.partition || b.offset - a.offset)
  return Promise.all(newest.slice(0, limit).map((entry) => letterOf(ports, stream, entry)))
}

async function newestOf(
  { objects }: Stores,
  manifest: Manifest,
  limit: number,
): Promise<readonly DeadEntry[]> {
  const files = []
  for await (const file of filesOf(objects, manifest, ({ outcomes }) => outcomes.dead > 0)) files.push(file)
  const found: DeadEntry[] = []
  for (const file of files.reverse()) {
    if (found.length >= limit) break
    const inFile: DeadEntry[] = []
    for await (const rows of rowsOfFile(objects, file, [])) inFile.push(...rows.filter(isDead))
    found.push(...inFile.reverse())
  }
  return found.slice(0, limit)
}

/** Every dead letter, oldest first by partition. */
export async function* allDeadLetters(
  ports: Stores,
  stream: Pick<Stream, 'name'>,
): AsyncGenerator<{ readonly letter: DeadLetter; readonly entry: DeadEntry }> {
  const wanted = ({ outcomes }: { outcomes: { dead: number } }) => outcomes.dead > 0
  for await (const rows of masterRows(ports, stream, { columns: [], wanted }))
    for (const entry of rows) if (isDead(entry)) yield { letter: await letterOf(ports, stream, entry), entry }
}

/** The dead letter of that id. Throws an Error that says so where there is none in the master. */
export async function findDeadLetter(
  ports: Stores,
  stream: Pick<Stream, 'name'>,
  id: string,
): Promise<{ readonly letter: DeadLetter; readonly entry: DeadEntry }> {
  const { site, topic, partition, offset } = parseRecordId(id)
  const where = { topic, partition, from: offset, to: offset + 1 }
  for await (const [entry] of masterRows(ports, stream, { ...where, columns: [] })) {
    if (entry === undefined || entry.site !== site) continue
    if (isDead(entry)) return { letter: await letterOf(ports, stream, entry), entry }
    throw new Error(`record ${id} is not a dead letter: its outcome is ${entry.outcome}`)
  }
  throw new Error(`record ${id} is not in the master of ${stream.name}`)
}

function isDead(entry: Entry): entry is DeadEntry {
  return entry.outcome === 'dead'
}

async function letterOf(
  { keyed }: Stores,
  stream: Pick<Stream, 'name'>,
  entry: DeadEntry,
): Promise<DeadLetter> {
  const { site, topic, partition, offset, stage, reason, appendTime, raw } = entry
  const origin = { site, topic, partition, offset }
  const id = recordId(origin)
  const retry = (await readRetry(keyed, stream.name, id))?.retry
  return {
    id,
    origin,
    stage,
    reason,
    appendTimeMs: appendTime,
    sizeBytes: originalSizeBytes(entry),
    ...(typeof raw === 'string' ? {} : { pointer: raw }),
    ...(retry === undefined ? {} : { retried: retriedAs(retry, site) }),
  }
}

function retriedAs(retry: Retry, site: string): { readonly id?: string; readonly atMs: number } {
  const { topic, partition, newOffset: offset, startedMs: atMs } = retry
  return offset === undefined ? { atMs } : { atMs, id: recordId({ site, topic, partition, offset }) }
}
