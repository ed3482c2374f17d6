import type { WireReader, WireWriter } from './wire.ts'

/**
 * The requests Weir sends, each at one fixed version that brokers from Kafka 3.0 to 4.x all answer, so that no
 * connection spends a round trip on asking which.
 * Source: https://kafka.apache.org/protocol#protocol_messages
 */
export interface Api<Question, Answer> {
  readonly name: string
  readonly key: number
  readonly version: number
  /** From a version on, an API's structures end in tagged fields; the headers change with it. */
  readonly flexible: boolean
  write(writer: WireWriter, question: Question): void
  read(reader: WireReader): Answer
}

export interface PartitionOf {
  readonly topic: string
  readonly partition: number
}

export interface ProduceQuestion extends PartitionOf {
  readonly timeoutMs: number
  /** Bytes of the record batch, which the connection sends behind what `write` made. */
  readonly batchBytes: number
}

export interface ProduceAnswer {
  readonly error: number
  readonly baseOffset: number
  /** -1 where the topic keeps the producer's time. */
  readonly appendTimeMs: number
  readonly message: string | null
}

/** One record batch for one partition, acks=all: the only produce request there is (docs/exactness.md, rule 2). */
export const produce: Api<ProduceQuestion, ProduceAnswer> = {
  name: 'Produce',
  key: 0,
  version: 8,
  flexible: false,
  write(writer, { topic, partition, timeoutMs, batchBytes }) {
    writer.string(null).int16(-1).int32(timeoutMs)
    writer.int32(1).string(topic).int32(1).int32(partition).int32(batchBytes)
  },
  read(reader) {
    const topics = reader.array(() => {
      reader.string()
      return reader.array(() => readProduced(reader))
    })
    return only(topics)
  },
}

function readProduced(reader: WireReader): ProduceAnswer {
  reader.int32()
  const error = reader.int16()
  const baseOffset = reader.int64()
  const appendTimeMs = reader.int64()
  reader.int64()
  const details = reader.array(() => [reader.int32(), reader.nullableString()] as const)
  return { error, baseOffset, appendTimeMs, message: reader.nullableString() ?? details[0]?.[1] ?? null }
}

export interface FetchQuestion extends PartitionOf {
  readonly offset: number
  readonly maxBytes: number
  readonly maxWaitMs: number
}

export interface FetchAnswer {
  readonly error: number
  /** Where the committed log ends. */
  readonly highWatermark: number
  /** Record batches, the last one perhaps cut off. */
  readonly batches: Buffer
}

/** Reads uncommitted: nothing Weir writes is ever rolled back, and a stranger's open transaction must not hide it. */
export const fetchRecords: Api<FetchQuestion, FetchAnswer> = {
  name: 'Fetch',
  key: 1,
  version: 11,
  flexible: false,
  write(writer, { topic, partition, offset, maxBytes, maxWaitMs }) {
    writer.int32(-1).int32(maxWaitMs).int32(1).int32(maxBytes).int8(0).int32(0).int32(-1)
    writer.int32(1).string(topic).int32(1)
    writer.int32(partition).int32(-1).int64(offset).int64(-1).int32(maxBytes)
    writer.int32(0).string('')
  },
  read(reader) {
    reader.int32()
    const error = reader.int16()
    reader.int32()
    const topics = reader.array(() => {
      reader.string()
      return reader.array(() => readFetched(reader))
    })
    return error === 0 ? only(topics) : { error, highWatermark: -1, batches: Buffer.alloc(0) }
  },
}

function readFetched(reader: WireReader): FetchAnswer {
  reader.int32()
  const error = reader.int16()
  const highWatermark = reader.int64()
  reader.int64()
  reader.int64()
  reader.array(() => [reader.bigint64(), reader.int64()])
  reader.int32()
  return { error, highWatermark, batches: reader.bytes() }
}

export interface OffsetAnswer {
  readonly error: number
  readonly offset: number
}

export const LATEST = -1
export const EARLIEST = -2

export const listOffset: Api<PartitionOf & { readonly at: number }, OffsetAnswer> = {
  name: 'ListOffsets',
  key: 2,
  version: 5,
  flexible: false,
  write(writer, { topic, partition, at }) {
    writer.int32(-1).int8(0)
    writer.int32(1).string(topic).int32(1).int32(partition).int32(-1).int64(at)
  },
  read(reader) {
    reader.int32()
    const topics = reader.array(() => {
      reader.string()
      return reader.array(() => readOffset(reader))
    })
    return only(topics)
  },
}

function readOffset(reader: WireReader): OffsetAnswer {
  reader.int32()
  const error = reader.int16()
  reader.int64()
  const offset = reader.int64()
  reader.int32()
  return { error, offset }
}

/** The one answer to a question about one partition. */
function only<T>(topics: readonly (readonly T[])[]): T {
  const answer = topics[0]?.[0]
  if (answer === undefined) throw new RangeError('the broker answered without the partition asked for')
  return answer
}
