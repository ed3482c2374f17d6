import type { StoredBatch } from '../ports/event-log.ts'
import type { Header, LogRecord } from '../stream/record-batch.ts'

/** Lambda's limit on the payload of one synchronous invocation. */
export const EVENT_BYTES_MAX = 6 * 1024 * 1024

/** What the limits of one event leave room for. */
export interface Room {
  records: number
  bytes: number
  /** Nothing is in the event yet: a record goes in whatever its size, because skipping it would lose it. */
  empty: boolean
}

/** Some records of one partition as the text of a list in a Kafka event. */
export interface PartitionText {
  readonly text: string
  readonly records: number
  /** Offset after the last record. */
  readonly end: number
  /** Append time of the first record, ms. */
  readonly firstAppendTimeMs: number
}

/**
 * The records from `fromOffset` on as a Lambda Kafka event lists them, as many as there is room for; takes the room it
 * uses.
 */
export function partitionText(
  topic: string,
  partition: number,
  batches: readonly StoredBatch[],
  fromOffset: number,
  room: Room,
): PartitionText | undefined {
  const head = `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":`
  let text = ''
  let records = 0
  let end = fromOffset
  let firstAppendTimeMs = 0
  for (const { baseOffset, appendTimeMs, records: batch } of batches) {
    const middle = `,"timestamp":${appendTimeMs},"timestampType":"LOG_APPEND_TIME","key":`
    let offset = baseOffset - 1
    for (const record of batch) {
      offset++
      if (offset < fromOffset) continue
      const one = head + offset + middle + recordText(record)
      if (room.records === 0 || (room.bytes < one.length + 1 && !room.empty))
        return records === 0 ? undefined : { text, records, end, firstAppendTimeMs }
      if (records === 0) firstAppendTimeMs = appendTimeMs
      text += records === 0 ? one : `,${one}`
      room.records--
      room.empty = false
      room.bytes -= one.length + 1
      records++
      end = offset + 1
    }
  }
  return records === 0 ? undefined : { text, records, end, firstAppendTimeMs }
}

function recordText({ key, value, headers }: LogRecord): string {
  const keyText = key === null ? 'null' : `"${base64(key)}"`
  const headersText = headers.length === 0 ? '[]' : JSON.stringify(headers.map(headerObject))
  return `${keyText},"value":"${base64(value)}","headers":${headersText}}`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Java bytes are signed, and so are the numbers that the mapping writes. */
function headerObject({ name, value }: Header): Record<string, number[]> {
  return { [name]: [...Int8Array.from(value)] }
}

/** The whole event. `lists`: by "topic-partition". */
export function kafkaEventText(lists: ReadonlyMap<string, PartitionText>): string {
  const records = [...lists].map(([name, { text }]) => `${JSON.stringify(name)}:[${text}]`).join(',')
  return `{"eventSource":"aws:kafka","eventSourceArn":"arn:aws:kafka:local:000000000000:cluster/weir/local","bootstrapServers":"local","records":{${records}}}`
}
