import type { StoredBatch } from '../ports/event-log.ts'
import { type Header, RecordCursor } from '../stream/record-batch.ts'
import type { Stretch } from './settle.ts'

/** Lambda's limit on the payload of one synchronous invocation. */
export const EVENT_BYTES_MAX = 6 * 1024 * 1024

/** A stored batch as a Lambda Kafka event lists its records, made once for all functions that read the topic. */
export interface EncodedBatch {
  readonly baseOffset: number
  readonly count: number
  /** JSON objects, each followed by a comma. ASCII but for names of headers. */
  readonly bytes: Buffer
  /** Where record i begins; one more for the end. */
  readonly bounds: Uint32Array
  /** What `bytes` is the start of: may be used again once nobody reads them any more. */
  readonly slab: Buffer
}

/**
 * Hot path: one pass, straight into a buffer, so that no string outlives its record. `allocate`: where the memory comes
 * from, at least so many bytes.
 */
export function encodeBatch(
  topic: string,
  partition: number,
  batch: StoredBatch,
  allocate: (sizeBytes: number) => Buffer = Buffer.allocUnsafe,
): EncodedBatch {
  const { baseOffset, appendTimeMs, records } = batch
  const head = `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":`
  const middle = `,"timestamp":${appendTimeMs},"timestampType":"LOG_APPEND_TIME","key":`
  const bounds = new Uint32Array(records.count + 1)
  const sizeGuess = Math.ceil(records.bytes.length * 1.4) + records.count * (head.length + middle.length + 80)
  let bytes = allocate(sizeGuess)
  let at = 0
  const cursor = new RecordCursor(records)
  for (let i = 0; cursor.next(); i++) {
    bounds[i] = at
    const headers = cursor.headers()
    const front = head + (baseOffset + i) + middle + frontText(records.bytes, cursor, headers)
    const need = front.length * 3 + Math.ceil((cursor.valueEnd - cursor.valueStart) / 3) * 4 + 8
    if (at + need > bytes.length) bytes = grown(bytes, at, need)
    at += bytes.write(front, at, headers.length === 0 ? 'latin1' : 'utf8')
    at += bytes.write(records.bytes.toString('base64', cursor.valueStart, cursor.valueEnd), at, 'latin1')
    at += bytes.write('"},', at, 'latin1')
  }
  bounds[records.count] = at
  return { baseOffset, count: records.count, bytes: bytes.subarray(0, at), bounds, slab: bytes }
}

/** Everything of a record before its value, which comes last. */
function frontText(bytes: Buffer, { keyStart, keyEnd }: RecordCursor, headers: readonly Header[]): string {
  const keyText = keyStart < 0 ? 'null' : `"${bytes.toString('base64', keyStart, keyEnd)}"`
  const headersText = headers.length === 0 ? '[]' : JSON.stringify(headers.map(headerObject))
  return `${keyText},"headers":${headersText},"value":"`
}

function grown(bytes: Buffer, used: number, need: number): Buffer {
  const larger = Buffer.allocUnsafe((bytes.length + need) * 2)
  bytes.copy(larger, 0, 0, used)
  return larger
}

/** Java bytes are signed, and so are the numbers that the mapping writes. */
function headerObject({ name, value }: Header): Record<string, number[]> {
  return { [name]: [...Int8Array.from(value)] }
}

/** What the limits of one event leave room for. */
export interface Room {
  records: number
  bytes: number
  /** Nothing is in the event yet: a record goes in whatever its size, because skipping it would lose it. */
  empty: boolean
}

/** Some records of one partition, as pieces of the text of a Kafka event. */
export interface PartitionPieces {
  /** Record texts with commas between them; none where only offsets without records were passed. */
  readonly pieces: readonly Buffer[]
  readonly records: number
  /** Where these records lie; between them are offsets that no record has. */
  readonly stretches: readonly Stretch[]
  /** Offset after the last record. */
  readonly end: number
}

/**
 * The records from `fromOffset` on, as many as there is room for; takes the room it uses. Undefined: none. Offsets that
 * the log has no record for (EventLog.fence) are passed over: `end` may be beyond them with no record taken.
 */
export function takePieces(
  batches: readonly EncodedBatch[],
  fromOffset: number,
  room: Room,
): PartitionPieces | undefined {
  const pieces: Buffer[] = []
  const stretches: Stretch[] = []
  let records = 0
  let end = fromOffset
  for (const { baseOffset, count, bytes, bounds } of batches) {
    if (baseOffset + count < end) continue
    if (baseOffset > end && !(room.records > 0)) break
    const first = Math.max(0, end - baseOffset)
    end = Math.max(end, baseOffset)
    if (first >= count) continue
    const start = bounds[first] ?? 0
    const last = lastThatFits(bounds, first, count, room)
    if (last === first) break
    const stop = bounds[last] ?? 0
    pieces.push(bytes.subarray(start, stop))
    room.records -= last - first
    room.bytes -= stop - start
    room.empty = false
    records += last - first
    stretches.push({ from: baseOffset + first, to: baseOffset + last })
    end = baseOffset + last
    if (last < count) break
  }
  if (records === 0) return end > fromOffset ? { pieces, records, stretches, end } : undefined
  const final = pieces.pop() as Buffer
  return { pieces: [...pieces, final.subarray(0, -1)], records, stretches, end }
}

function lastThatFits(bounds: Uint32Array, first: number, count: number, room: Room): number {
  const start = bounds[first] ?? 0
  const most = Math.min(count, first + room.records)
  if ((bounds[most] ?? 0) - start <= room.bytes) return most
  let last = first
  while (last < most && (bounds[last + 1] ?? 0) - start <= room.bytes) last++
  return last === first && room.empty && most > first ? first + 1 : last
}

/** The whole event, in pieces. `lists`: by "topic-partition". */
export function kafkaEvent(lists: ReadonlyMap<string, PartitionPieces>): readonly Buffer[] {
  const pieces: Buffer[] = [Buffer.from(`${EVENT_HEAD}"records":{`)]
  let separator = ''
  for (const [name, list] of lists) {
    pieces.push(Buffer.from(`${separator}${JSON.stringify(name)}:[`), ...list.pieces, Buffer.from(']'))
    separator = ','
  }
  pieces.push(Buffer.from('}}'))
  return pieces
}

const EVENT_HEAD =
  '{"eventSource":"aws:kafka","eventSourceArn":"arn:aws:kafka:local:000000000000:cluster/weir/local","bootstrapServers":"local",'
