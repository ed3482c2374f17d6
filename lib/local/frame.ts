import { crc32 } from 'node:zlib'

/**
 * One append in a segment file: this header, then `RecordBatch.bytes` as they are. Integers little-endian:
 *
 *     0 u32 magic · 4 u32 crc32 of all that follows, payload included · 8 u32 frame length in bytes, header included ·
 *     12 u32 records · 16 u48 base offset · 22 u48 append time, ms since 1970
 *
 * The crc starts from the partition's own seed, so that a frame that strayed in from elsewhere, or that a record holds
 * as its value, is not taken for one of this partition's.
 */
export interface FrameHeader {
  readonly lengthBytes: number
  readonly count: number
  readonly baseOffset: number
  readonly appendTimeMs: number
}

export const FRAME_HEADER_BYTES = 28
/** `WEIR` as it reads in the file. */
export const FRAME_MAGIC = Buffer.from('WEIR')
const MAGIC = FRAME_MAGIC.readUInt32LE(0)
const CRC_FROM = 8
/** No frame is longer: a length beyond is damage, not a reason to allocate. */
const FRAME_BYTES_MAX = 1 << 30

export function frameSeed(topicId: string, partition: number): number {
  return crc32(`${topicId}/${partition}`)
}

/** Writes the header of a frame with this payload at `at` of `into`. */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  frame: Omit<FrameHeader, 'lengthBytes'>,
  payload: Uint8Array,
  seed: number,
): void {
  into.writeUInt32LE(MAGIC, at)
  into.writeUInt32LE(FRAME_HEADER_BYTES + payload.length, at + 8)
  into.writeUInt32LE(frame.count, at + 12)
  into.writeUIntLE(frame.baseOffset, at + 16, 6)
  into.writeUIntLE(frame.appendTimeMs, at + 22, 6)
  const ofHeader = crc32(into.subarray(at + CRC_FROM, at + FRAME_HEADER_BYTES), seed)
  into.writeUInt32LE(crc32(payload, ofHeader), at + 4)
}

/** The header at `at`, or undefined where none can be: `bytes` must hold `FRAME_HEADER_BYTES` from there. */
export function readFrameHeader(bytes: Buffer, at: number): FrameHeader | undefined {
  if (bytes.readUInt32LE(at) !== MAGIC) return undefined
  const lengthBytes = bytes.readUInt32LE(at + 8)
  if (lengthBytes < FRAME_HEADER_BYTES || lengthBytes > FRAME_BYTES_MAX) return undefined
  return {
    lengthBytes,
    count: bytes.readUInt32LE(at + 12),
    baseOffset: bytes.readUIntLE(at + 16, 6),
    appendTimeMs: bytes.readUIntLE(at + 22, 6),
  }
}

/** True where `frame`, a whole frame, is as it was written. */
export function isIntact(frame: Buffer, seed: number): boolean {
  return crc32(frame.subarray(CRC_FROM), seed) === frame.readUInt32LE(4)
}
