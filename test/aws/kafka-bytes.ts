import { crc32c } from '../../lib/aws/kafka/crc32c.ts'
import type { Header } from '../../lib/stream/record-batch.ts'

/** Record batches written the long way round, to check the fast way against, and as brokers store them. */
export interface PlainRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array
  readonly headers: readonly Header[]
  readonly offsetDelta: number
}

export function writeBatch(records: readonly PlainRecord[], timeMs: number): Buffer {
  const head = Buffer.alloc(61)
  head.writeInt32BE(-1, 12)
  head.writeInt8(2, 16)
  head.writeInt32BE(records.at(-1)?.offsetDelta ?? 0, 23)
  head.writeBigInt64BE(BigInt(timeMs), 27)
  head.writeBigInt64BE(BigInt(timeMs), 35)
  head.writeBigInt64BE(-1n, 43)
  head.writeInt16BE(-1, 51)
  head.writeInt32BE(-1, 53)
  head.writeInt32BE(records.length, 57)
  const batch = Buffer.concat([head, ...records.map(writeRecord)])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

/** The batch as a broker with LogAppendTime keeps it. */
export function asStored(batch: Buffer, baseOffset: number, appendTimeMs: number): Buffer {
  const stored = Buffer.from(batch)
  stored.writeBigInt64BE(BigInt(baseOffset), 0)
  stored.writeInt16BE(stored.readInt16BE(21) | 8, 21)
  stored.writeBigInt64BE(BigInt(appendTimeMs), 35)
  stored.writeUInt32BE(crc32c(stored, 21), 17)
  return stored
}

function writeRecord({ key, value, headers, offsetDelta }: PlainRecord): Buffer {
  const fields = [
    Buffer.of(0),
    varint(0),
    varint(offsetDelta),
    sized(key),
    sized(value),
    varint(headers.length),
  ]
  for (const header of headers) fields.push(sized(Buffer.from(header.name)), sized(header.value))
  return sized(Buffer.concat(fields))
}

function sized(bytes: Uint8Array | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const out: number[] = []
  let rest = BigInt(value) < 0n ? -2n * BigInt(value) - 1n : 2n * BigInt(value)
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  return Buffer.from([...out, Number(rest)])
}
