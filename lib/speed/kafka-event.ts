/**
 * The event of a Lambda Kafka event source mapping, as much of it as Weir reads, and its answer.
 * Shape: https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html and the batchItemFailures of its provisioned mode.
 */
export interface KafkaEvent {
  readonly eventSource: string
  /** By "topic-partition"; each list in offset order. */
  readonly records: Readonly<Record<string, readonly DeliveredRecord[]>>
}

export interface DeliveredRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Append time in ms: `timestampType` must be LOG_APPEND_TIME. */
  readonly timestamp: number
  readonly timestampType: string
  /** Base64. */
  readonly key?: string | null
  /** Base64; null is a tombstone, which Weir never writes. */
  readonly value?: string | null
  /** Each header is one object of one name with its bytes as signed numbers. */
  readonly headers?: readonly Readonly<Record<string, readonly number[]>>[]
}

/** What the mapping is told: of each partition listed, everything from that offset on is delivered again. */
export interface KafkaAnswer {
  readonly batchItemFailures: readonly {
    readonly itemIdentifier: { readonly partition: string; readonly offset: number }
  }[]
}

/** What a stage needs to know of its invocation. A Lambda context has it. */
export interface InvocationContext {
  getRemainingTimeInMillis(): number
}

export type KafkaHandler = (event: KafkaEvent, context: InvocationContext) => Promise<KafkaAnswer>

/** The records of one partition in one event. */
export interface PartitionBatch {
  /** "topic-partition", as the answer must name it. */
  readonly name: string
  readonly topic: string
  readonly partition: number
  readonly records: readonly DeliveredRecord[]
}

/** The event, partition by partition. Throws on anything but a Kafka event with append times, saying what was found. */
export function partitionsOf(event: KafkaEvent): readonly PartitionBatch[] {
  if (typeof event?.records !== 'object' || event.records === null)
    throw new Error(`expected a Kafka event with "records", got ${JSON.stringify(Object.keys(event ?? {}))}`)
  const batches: PartitionBatch[] = []
  for (const [name, records] of Object.entries(event.records)) {
    const first = records[0]
    if (first === undefined) continue
    if (first.timestampType !== 'LOG_APPEND_TIME')
      throw new Error(
        `topic ${first.topic} stamps ${first.timestampType}: set message.timestamp.type=LogAppendTime (docs/exactness.md, rule 6)`,
      )
    batches.push({ name, topic: first.topic, partition: first.partition, records })
  }
  return batches
}

/** The values of records decoded into one slab: value i is `slab` from `bounds[i]` to `bounds[i + 1]`. */
export interface DecodedValues {
  readonly slab: Buffer
  readonly bounds: Uint32Array
}

/** Decodes all values with one allocation. A missing value decodes to no bytes. */
export function decodeValues(records: readonly DeliveredRecord[]): DecodedValues {
  let sizeMax = 0
  for (const { value } of records) sizeMax += ((value?.length ?? 0) * 3) >>> 2
  const slab = Buffer.allocUnsafe(sizeMax + 3)
  const bounds = new Uint32Array(records.length + 1)
  let at = 0
  records.forEach(({ value }, i) => {
    if (value) at += slab.write(value, at, 'base64')
    bounds[i + 1] = at
  })
  return { slab, bounds }
}

/** The named header's bytes, or undefined. */
export function headerOf(record: DeliveredRecord, name: string): Buffer | undefined {
  for (const header of record.headers ?? []) {
    const bytes = header[name]
    if (bytes !== undefined) return Buffer.from(bytes)
  }
  return undefined
}
