import { randomUUID } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { EventLog, FencedTopic } from '../ports/event-log.ts'
import type { Ports } from '../ports/ports.ts'
import { TopicFence } from '../state/topic-fence.ts'
import type { Stream } from '../stream/define.ts'
import type { DeadEntry } from '../stream/entry.ts'
import { recordId } from '../stream/origin.ts'
import { recordBatch } from '../stream/record-batch.ts'
import { topicName } from '../stream/topic.ts'
import { originalBytes, originalSizeBytes } from './original-bytes.ts'
import { putRetry, type Retry, readRetry, type StoredRetry } from './retry-item.ts'

type Retrying = Pick<Ports, 'site' | 'log' | 'keyed' | 'objects' | 'clock'>

/** Tries of one call, each after raising the fence anew: against a broker that fails, and others that retry as well. */
const TRIES_MAX = 10
/** Left to others before each further try, times its number. */
const PAUSE_MS = 200
/** A record over this size went to the object store instead of the log, and would again. */
const RECORD_BYTES_MAX = 900_000
const READ_BYTES = 4 * 1024 * 1024

export interface Retried {
  /** Of the dead letter. */
  readonly id: string
  /** Of the record that its bytes have become. */
  readonly newId: string
  /** False where it had been put in again before. */
  readonly now: boolean
}

/** A dead letter that cannot be put in again. */
export class NotRetriableError extends Error {
  override readonly name = 'NotRetriableError'
}

/** The right to put dead letters of a stream in again. One serves a process for any number of them. */
export function retryFence(ports: Pick<Ports, 'site' | 'log' | 'keyed'>, stream: Stream): TopicFence {
  const name = `weir/${ports.site}/retry/${stream.name}`
  return new TopicFence({ ports, topic: topicName(stream.name, 'raw'), name })
}

/**
 * Appends the original bytes of a dead letter to the raw topic again: once, even if this is killed at any point and
 * called again, or called by any number of processes at a time. An item says from which offset on the new record must
 * lie, and the record carries a mark. Whoever appends has raised the fence and looked for the mark after that: what
 * others had under way has landed by then, or never will (docs/exactness.md, rule 12); and who raises the fence next
 * makes an append of this one fail. No clock decides anything.
 */
export async function retryDeadLetter(
  ports: Retrying,
  stream: Stream,
  entry: DeadEntry,
  fence: TopicFence = retryFence(ports, stream),
): Promise<Retried> {
  const id = recordId(entry)
  const bytes = await bytesToRetry(ports, id, entry)
  const idOf = ({ topic, partition }: Retry, offset: number) =>
    recordId({ site: entry.site, topic, partition, offset })
  for (let tries = 1; ; tries++) {
    const begun = await begin(ports, stream, id, entry.partition)
    const { retry } = begun
    if (retry.newOffset !== undefined) return { id, newId: idOf(retry, retry.newOffset), now: false }
    let through: FencedTopic | undefined
    try {
      through = await fence.current()
      const landed = await findMark(ports.log, retry, id)
      const newOffset = landed ?? (await append(through, retry, id, bytes))
      await finish(ports, stream, id, begun, newOffset)
      return { id, newId: idOf(retry, newOffset), now: true }
    } catch (error) {
      if (tries === TRIES_MAX || !mayGoOn(error)) throw error
      await ports.clock.sleep(PAUSE_MS * tries)
      if (through !== undefined) fence.lower(through)
    }
  }
}

/** Another has raised the fence, or the append is in doubt: both end by raising it and looking. */
function mayGoOn(error: unknown): boolean {
  return error instanceof PortError && (error.curable || error.code === 'LOCKED')
}

async function bytesToRetry({ objects }: Retrying, id: string, entry: DeadEntry): Promise<Uint8Array> {
  const sizeBytes = originalSizeBytes(entry)
  if (sizeBytes > RECORD_BYTES_MAX)
    throw new NotRetriableError(
      `${id} is ${sizeBytes} bytes, more than the log takes: it would end the same way`,
    )
  const pieces: Uint8Array[] = []
  for await (const piece of originalBytes(objects, entry)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** The retry of `id` as it stands; begun now where it was not. */
async function begin(ports: Retrying, stream: Stream, id: string, partition: number): Promise<StoredRetry> {
  const { log, keyed, clock } = ports
  const known = await readRetry(keyed, stream.name, id)
  if (known !== undefined) return known
  const topic = topicName(stream.name, 'raw')
  const fromOffset = (await log.offsets(topic, partition)).end
  const mine = { retry: { topic, partition, fromOffset, startedMs: clock.nowMs() }, rev: randomUUID() }
  const { stands } = await putRetry(keyed, stream.name, id, mine, 'absent')
  return stands ?? begin(ports, stream, id, partition)
}

async function append(
  through: FencedTopic,
  { partition }: Retry,
  id: string,
  value: Uint8Array,
): Promise<number> {
  const headers = [{ name: MARK_HEADER, value: markOf(id) }]
  return (await through.append(partition, recordBatch([{ value, headers }]))).baseOffset
}

async function finish(
  { keyed }: Retrying,
  stream: Stream,
  id: string,
  { retry, rev }: StoredRetry,
  newOffset: number,
): Promise<void> {
  const done = { retry: { ...retry, newOffset }, rev: 'done' }
  const put = await putRetry(keyed, stream.name, id, done, { rev })
  // Another that raised the fence since has found the same record.
  if (put.ok || put.stands !== undefined) return
  throw new PortError('CORRUPT', `the retry of ${id} is no longer recorded`, { curable: false })
}

/** As a collector's mark (rule 12); no run of a collector can be named so, because of the slash. */
const MARK_HEADER = 'weir-source'

function runOf(id: string): string {
  return `retry/${id}`
}

function markOf(id: string): Buffer {
  return Buffer.from(JSON.stringify({ run: runOf(id), source: 0, position: 0, records: 1 }))
}

/** Offset of the record with the mark of `id`, if it has landed. */
async function findMark(
  log: EventLog,
  { topic, partition, fromOffset }: Retry,
  id: string,
): Promise<number | undefined> {
  const mark = markOf(id)
  const { end } = await log.offsets(topic, partition)
  for (let at = fromOffset; at < end; ) {
    const batches = await log.read(topic, partition, at, READ_BYTES)
    if (batches.length === 0) return undefined
    for (const { baseOffset, records } of batches) {
      let offset = baseOffset
      for (const { headers } of records) {
        const marked = headers.some(({ name, value }) => name === MARK_HEADER && mark.equals(value))
        if (marked && offset >= fromOffset) return offset
        offset++
      }
      at = Math.max(at, offset)
    }
  }
  return undefined
}
