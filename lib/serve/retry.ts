import { randomUUID } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { Ports } from '../ports/ports.ts'
import type { Stream } from '../stream/define.ts'
import type { DeadEntry } from '../stream/entry.ts'
import { recordId } from '../stream/origin.ts'
import { recordBatch } from '../stream/record-batch.ts'
import { topicName } from '../stream/topic.ts'
import { originalBytes, originalSizeBytes } from './original-bytes.ts'
import { putRetry, type Retry, readRetry, type StoredRetry } from './retry-item.ts'

type Retrying = Pick<Ports, 'log' | 'keyed' | 'objects' | 'clock'>

/** How long an attempt has for itself. Whoever finds an older one takes it for dead and takes over. */
const LEASE_MS = 10_000
/** How often an attempt that waits for another one's lease looks whether that one is done. */
const POLL_MS = 200
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

/**
 * Appends the original bytes of a dead letter to the raw topic again: once, even if this is killed at any point and
 * called again, or called by two at a time. First an item says that it is begun, and from which offset on the new record
 * must lie; the record carries a mark; whoever finds the item begun waits for its lease to end, then looks for the mark
 * before it appends. An attempt appends in the first half of its lease only, and an append fails well within the other
 * half (rule 2), so that none can land after it has been looked for.
 */
export async function retryDeadLetter(ports: Retrying, stream: Stream, entry: DeadEntry): Promise<Retried> {
  const id = recordId(entry)
  const bytes = await bytesToRetry(ports, id, entry)
  const begun = await begin(ports, stream, id, entry.partition)
  const idOf = ({ topic, partition }: Retry, offset: number) =>
    recordId({ site: entry.site, topic, partition, offset })
  if (begun.retry.newOffset !== undefined)
    return { id, newId: idOf(begun.retry, begun.retry.newOffset), now: false }
  const landed = begun.first ? undefined : await findMark(ports.log, begun.retry, id)
  const newOffset = landed ?? (await append(ports, begun.retry, id, bytes))
  await finish(ports, stream, id, begun, newOffset)
  return { id, newId: idOf(begun.retry, newOffset), now: true }
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

interface Begun extends StoredRetry {
  /** No attempt before this one can have appended anything. */
  readonly first: boolean
}

/** Takes the retry of `id` for this attempt, or finds it done. */
async function begin(
  { log, keyed, clock }: Retrying,
  stream: Stream,
  id: string,
  partition: number,
): Promise<Begun> {
  const topic = topicName(stream.name, 'raw')
  let stands = await readRetry(keyed, stream.name, id)
  for (;;) {
    if (stands?.retry.newOffset !== undefined) return { ...stands, first: false }
    const waitMs = stands === undefined ? 0 : stands.retry.startedMs + LEASE_MS - clock.nowMs()
    if (waitMs > 0) {
      await clock.sleep(Math.min(waitMs, POLL_MS))
      stands = await readRetry(keyed, stream.name, id)
      continue
    }
    const fromOffset = stands?.retry.fromOffset ?? (await log.offsets(topic, partition)).end
    const retry = { topic, partition, fromOffset, startedMs: clock.nowMs() }
    const condition = stands === undefined ? 'absent' : { rev: stands.rev }
    const mine = { retry, rev: randomUUID() }
    const put = await putRetry(keyed, stream.name, id, mine, condition)
    if (put.ok) return { ...mine, first: stands === undefined }
    stands = put.stands
  }
}

async function append(
  { log, clock }: Retrying,
  { topic, partition, startedMs }: Retry,
  id: string,
  value: Uint8Array,
): Promise<number> {
  const headers = [{ name: MARK_HEADER, value: markOf(id) }]
  const batch = recordBatch([{ value, headers }])
  if (clock.nowMs() > startedMs + LEASE_MS / 2)
    throw new PortError('TIMEOUT', `the retry of ${id} took too long to begin; nothing was appended`, {
      curable: true,
    })
  return (await log.append(topic, partition, batch)).baseOffset
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
  // Another attempt that took over has found, or will find, the same record.
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
