import { PortError } from '../../ports/errors.ts'
import type { StoredBatch } from '../../ports/event-log.ts'
import { RecordBatch } from '../../stream/record-batch.ts'
import { decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { ATTRIBUTES_AT, CRC_AT, HEADER_BYTES } from './encode-batch.ts'

/** One of Kafka's record batches as it came from a broker: its place, and its bytes. */
export interface RawBatch {
  readonly baseOffset: number
  /** The offset after the batch's last record, whether or not that record is still there. */
  readonly nextOffset: number
  /** A transaction's marker: it takes an offset and carries no record. */
  readonly control: boolean
  readonly bytes: Buffer
}

const LENGTH_AT = 8
const MAGIC_AT = 16
const TIMESTAMP_TYPE_BIT = 1 << 3
const CONTROL_BIT = 1 << 5
const NO_KEY = 0xffffffff

/** The whole batches in a fetch answer; the last is often cut off and left out. Throws CORRUPT. */
export function* splitBatches(bytes: Buffer): Generator<RawBatch> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + LENGTH_AT)
    if (end > bytes.length || end < at + HEADER_BYTES) return
    if (bytes.readInt8(at + MAGIC_AT) !== 2) throw corrupt('a record batch of a format older than Kafka 0.11')
    const batch = bytes.subarray(at, end)
    const baseOffset = Number(batch.readBigInt64BE(0))
    const nextOffset = baseOffset + batch.readInt32BE(23) + 1
    yield {
      baseOffset,
      nextOffset,
      control: (batch.readInt16BE(ATTRIBUTES_AT) & CONTROL_BIT) !== 0,
      bytes: batch,
    }
    at = end
  }
}

/**
 * The batch's records, cut where offsets are missing (a compacted topic), so that in each piece they follow without a
 * gap. A value that is null becomes an empty one. Rejects with CORRUPT, and with MISCONFIGURED where the topic keeps
 * the producer's time instead of the broker's.
 */
export async function decodeBatch(batch: RawBatch, topic: string): Promise<StoredBatch[]> {
  const { bytes, baseOffset } = batch
  const attributes = bytes.readInt16BE(ATTRIBUTES_AT)
  if (crc32c(bytes, ATTRIBUTES_AT) !== bytes.readUInt32BE(CRC_AT))
    throw corrupt(`${topic}: the checksum of the batch at offset ${baseOffset} does not fit`)
  if ((attributes & TIMESTAMP_TYPE_BIT) === 0) throw notLogAppendTime(topic)
  const appendTimeMs = Number(bytes.readBigInt64BE(35))
  const records = await decompress(bytes.subarray(HEADER_BYTES), attributes & 0b111)
  try {
    return new RecordsReader(records, bytes.readInt32BE(57)).pieces(baseOffset, appendTimeMs)
  } catch (cause) {
    throw corrupt(`${topic}: cannot read the records of the batch at offset ${baseOffset}`, cause)
  }
}

export function notLogAppendTime(topic: string): PortError {
  const message = `topic ${topic} does not stamp the broker's append time: set message.timestamp.type=LogAppendTime`
  return new PortError('MISCONFIGURED', message, { curable: false })
}

function corrupt(message: string, cause?: unknown): PortError {
  return new PortError('CORRUPT', message, { curable: false, cause })
}

/** Turns the records of one batch into slabs of Weir's own layout (lib/stream/record-batch.ts), in one pass. */
class RecordsReader {
  readonly #in: Buffer
  readonly #count: number
  #at = 0
  #out: Buffer
  #end = 0

  constructor(records: Buffer, count: number) {
    this.#in = records
    this.#count = count
    // A record spends at least 7 bytes beside key and value there, and 10 here; headers grow it when they come.
    this.#out = Buffer.allocUnsafe(records.length + count * 3 + 64)
  }

  pieces(baseOffset: number, appendTimeMs: number): StoredBatch[] {
    const pieces: StoredBatch[] = []
    let first = 0
    let count = 0
    let start = 0
    const cut = (end: number): void => {
      if (count === 0) return
      const records = new RecordBatch(this.#out.subarray(start, end), count)
      pieces.push({ baseOffset: baseOffset + first, appendTimeMs, records })
    }
    for (let i = 0; i < this.#count; i++) {
      const before = this.#end
      const delta = this.#record()
      if (delta !== first + count) {
        cut(before)
        first = delta
        count = 0
        start = before
      }
      count++
    }
    cut(this.#end)
    return pieces
  }

  /** Copies one record; its offset delta. */
  #record(): number {
    const end = this.#varint() + this.#at
    if (end > this.#in.length) throw new RangeError('record runs past the end of its batch')
    this.#at++
    this.#skipVarint()
    const offsetDelta = this.#varint()
    this.#field(this.#varint(), NO_KEY)
    this.#field(this.#varint(), 0)
    this.#headers(this.#varint())
    if (this.#at !== end) throw new RangeError('record is not as long as it says')
    return offsetDelta
  }

  #field(length: number, nullMark: number): void {
    const bytes = Math.max(length, 0)
    this.#reserve(bytes + 4)
    this.#end = this.#out.writeUInt32LE(length < 0 ? nullMark : length, this.#end)
    this.#copy(bytes)
  }

  #headers(count: number): void {
    this.#reserve(2)
    this.#end = this.#out.writeUInt16LE(count, this.#end)
    for (let left = count; left > 0; left--) {
      const nameLength = this.#varint()
      this.#reserve(nameLength + 2)
      this.#end = this.#out.writeUInt16LE(nameLength, this.#end)
      this.#copy(nameLength)
      this.#field(this.#varint(), 0)
    }
  }

  #copy(bytes: number): void {
    if (this.#at + bytes > this.#in.length) throw new RangeError('field runs past the end of its batch')
    this.#in.copy(this.#out, this.#end, this.#at, this.#at + bytes)
    this.#at += bytes
    this.#end += bytes
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#in[this.#at++]
      if (byte === undefined) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw new RangeError('varint too long, or cut off')
  }

  /** A timestamp delta may need ten bytes; the broker's one append time makes it worthless. */
  #skipVarint(): void {
    for (let left = 10; left > 0; left--) {
      const byte = this.#in[this.#at++]
      if (byte === undefined) break
      if (byte < 0x80) return
    }
    throw new RangeError('varint too long, or cut off')
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#out.length) return
    const larger = Buffer.allocUnsafe(this.#out.length * 2 + bytes)
    this.#out.copy(larger, 0, 0, this.#end)
    this.#out = larger
  }
}
