import { createHash } from 'node:crypto'
import type { Ports } from '../ports/ports.ts'
import type { RawPointer } from '../stream/entry.ts'
import { recordId } from '../stream/origin.ts'
import type { Decision } from './decide.ts'
import type { DeliveredRecord } from './kafka-event.ts'

/** A dead letter carries its original bytes in the entry up to this size, and a pointer to them beyond. */
const INLINE_MAX_BYTES = 64 * 1024

/** The decision with original bytes that are too large for an entry moved to the object store. */
export async function withLargeRawStored(
  ports: Ports,
  stream: string,
  record: DeliveredRecord,
  decision: Decision,
): Promise<Decision> {
  if (decision.outcome !== 'dead' || typeof decision.raw !== 'string') return decision
  if (decision.raw.length * 0.75 <= INLINE_MAX_BYTES) return decision
  return { ...decision, raw: await storeRaw(ports, stream, record) }
}

/** A dead letter for a record whose entry would not fit into the log, though the record itself did. */
export async function tooLarge(ports: Ports, stream: string, record: DeliveredRecord): Promise<Decision> {
  const raw = await storeRaw(ports, stream, record)
  return {
    outcome: 'dead',
    stage: 'size',
    reason: `entry of a ${raw.sizeBytes} byte record is larger than the log takes`,
    raw,
  }
}

/** Named by origin and content, so that a retry finds the same object. */
async function storeRaw(ports: Ports, stream: string, record: DeliveredRecord): Promise<RawPointer> {
  const bytes = Buffer.from(record.value ?? '', 'base64')
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const { topic, partition, offset } = record
  const key = `large/${stream}/${recordId({ site: ports.site, topic, partition, offset })}-${sha256.slice(0, 12)}`
  await ports.objects.put(key, bytes)
  return { key, sizeBytes: bytes.length, sha256 }
}
