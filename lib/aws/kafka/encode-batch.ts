import type { RecordBatch } from '../../stream/record-batch.ts'
import { CODEC_BITS, type Compression, compress } from './compression.ts'
import { crc32c } from './crc32c.ts'

/**
 * A `RecordBatch` as Kafka's record batch, magic 2.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 *
 * Straight from slab to slab: no record becomes an object on the way.
 */

/** Bytes before the records. */
export const HEADER_BYTES = 61
/** Where the part begins that the checksum covers: behind it. */
export const ATTRIBUTES_AT = 21
export const CRC_AT = 17

/** Who wrote a batch, where brokers are to fence off an older process (docs/exactness.md, rule 12). */
export interface ProducerMark {
  readonly producerId: bigint
  readonly epoch: number
  /** Number of the batch's first record among all this producer wrote to the partition at this epoch. */
  readonly sequence: number
}

const ANONYMOUS: ProducerMark = { producerId: -1n, epoch: -1, sequence: -1 }

/** The bytes of one produce request. `nowMs` is what the batch carries until the broker stamps its own time. */
export async function encodeBatch(
  batch: RecordBatch,
  compression: Compression,
  nowMs: number,
  mark: ProducerMark = ANONYMOUS,
): Promise<Buffer> {
  const plain = Buffer.allocUnsafe(HEADER_BYTES + recordsBytesMax(batch))
  const end = writeRecords(batch, plain, HEADER_BYTES)
  const small = await compress(plain.subarray(HEADER_BYTES, end), compression)
  if (small === undefined) return finish(plain.subarray(0, end), batch.count, 0, nowMs, mark)
  const whole = Buffer.allocUnsafe(HEADER_BYTES + small.length)
  small.copy(whole, HEADER_BYTES)
  return finish(whole, batch.count, CODEC_BITS[compression], nowMs, mark)
}

function finish(bytes: Buffer, count: number, attributes: number, nowMs: number, mark: ProducerMark): Buffer {
  bytes.writeBigInt64BE(0n, 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt32BE(-1, 12)
  bytes.writeInt8(2, 16)
  bytes.writeInt16BE(attributes, ATTRIBUTES_AT)
  bytes.writeInt32BE(count - 1, 23)
  bytes.writeBigInt64BE(BigInt(nowMs), 27)
  bytes.writeBigInt64BE(BigInt(nowMs), 35)
  bytes.writeBigInt64BE(mark.producerId, 43)
  bytes.writeInt16BE(mark.epoch, 51)
  bytes.writeInt32BE(mark.sequence, 53)
  bytes.writeInt32BE(count, 57)
  bytes.writeUInt32BE(crc32c(bytes, ATTRIBUTES_AT), CRC_AT)
  return bytes
}

/** A record spends at least 10 bytes on lengths in a slab and at most 25 here; a header 6 there and at most 8. */
function recordsBytesMax(batch: RecordBatch): number {
  return Math.ceil((batch.bytes.length * 4) / 3) + batch.count * 15
}

function writeRecords(batch: RecordBatch, out: Buffer, start: number): number {
  const slab = batch.bytes
  let from = 0
  let at = start
  for (let i = 0; i < batch.count; i++) {
    const keyLength = slab.readInt32LE(from)
    const keyBytes = Math.max(keyLength, 0)
    const key = from + 4
    const valueLength = slab.readUInt32LE(key + keyBytes)
    const value = key + keyBytes + 4
    const headers = value + valueLength
    const headerCount = slab.readUInt16LE(headers)
    const headersLength = headerCount === 0 ? 1 : headersBytes(slab, headers)
    const length =
      2 +
      varintBytes(i) +
      varintBytes(keyLength) +
      keyBytes +
      varintBytes(valueLength) +
      valueLength +
      headersLength
    at = writeVarint(out, at, length)
    out[at++] = 0
    out[at++] = 0
    at = writeVarint(out, at, i)
    at = writeVarint(out, at, keyLength)
    at += slab.copy(out, at, key, key + keyBytes)
    at = writeVarint(out, at, valueLength)
    at += slab.copy(out, at, value, value + valueLength)
    if (headerCount === 0) {
      out[at++] = 0
      from = headers + 2
    } else {
      from = headersEnd(slab, headers)
      at = writeHeaders(slab, headers, out, at)
    }
  }
  return at
}

function headersEnd(slab: Buffer, start: number): number {
  let at = start + 2
  for (let left = slab.readUInt16LE(start); left > 0; left--) {
    at += 2 + slab.readUInt16LE(at)
    at += 4 + slab.readUInt32LE(at)
  }
  return at
}

function headersBytes(slab: Buffer, start: number): number {
  const count = slab.readUInt16LE(start)
  let bytes = varintBytes(count)
  let at = start + 2
  for (let left = count; left > 0; left--) {
    const nameLength = slab.readUInt16LE(at)
    const valueLength = slab.readUInt32LE(at + 2 + nameLength)
    bytes += varintBytes(nameLength) + nameLength + varintBytes(valueLength) + valueLength
    at += 6 + nameLength + valueLength
  }
  return bytes
}

function writeHeaders(slab: Buffer, start: number, out: Buffer, outStart: number): number {
  const count = slab.readUInt16LE(start)
  let at = writeVarint(out, outStart, count)
  let from = start + 2
  for (let left = count; left > 0; left--) {
    const nameLength = slab.readUInt16LE(from)
    const valueLength = slab.readUInt32LE(from + 2 + nameLength)
    at = writeVarint(out, at, nameLength)
    at += slab.copy(out, at, from + 2, from + 2 + nameLength)
    at = writeVarint(out, at, valueLength)
    from += 6 + nameLength + valueLength
    at += slab.copy(out, at, from - valueLength, from)
  }
  return at
}

/** Zigzag, seven bits a byte, lowest first. */
function writeVarint(out: Buffer, start: number, value: number): number {
  let at = start
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  for (; rest > 0x7f; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80
  out[at++] = rest
  return at
}

function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x200000) return 3
  return zigzag < 0x10000000 ? 4 : 5
}
