import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/**
 * The form of a partial: segments side by side, for one or more chunks of slots, and where each lies.
 *
 *     segment ... segment directory trailer
 *
 * The directory is a `PackDirectory` as JSON in one zstd frame; the trailer its length (uint32, little endian) and a
 * magic. A chunk may come more than once; within each segment its keys are in order.
 */
const MAGIC = 'WSP1'
export const TRAILER_BYTES = 8

export interface PackDirectory {
  readonly form: 1
  /** Records that the partial was made of. */
  readonly records: number
  readonly segments: readonly PackedSegment[]
}

export interface PackedSegment {
  /** Start of the chunk, ms. */
  readonly from: number
  /** Where it lies; the end is exclusive. */
  readonly start: number
  readonly end: number
  readonly keys: number
  readonly rows: number
}

export interface SegmentToPack {
  readonly from: number
  readonly bytes: Uint8Array
  readonly keys: number
  readonly rows: number
}

export function packSegments(records: number, segments: readonly SegmentToPack[]): Uint8Array {
  let start = 0
  const notes = segments.map(({ from, bytes, keys, rows }): PackedSegment => {
    const note = { from, start, end: start + bytes.length, keys, rows }
    start = note.end
    return note
  })
  const directory: PackDirectory = { form: 1, records, segments: notes }
  const packed = zstdCompressSync(Buffer.from(JSON.stringify(directory)))
  const trailer = Buffer.alloc(TRAILER_BYTES)
  trailer.writeUInt32LE(packed.length)
  trailer.write(MAGIC, 4, 'latin1')
  return Buffer.concat([...segments.map(({ bytes }) => bytes), packed, trailer])
}

/** Bytes that the directory and the trailer take, from the trailer. Throws a TypeError on what is not one. */
export function directoryBytes(trailer: Uint8Array): number {
  const bytes = Buffer.from(trailer.buffer, trailer.byteOffset, trailer.byteLength)
  if (bytes.length !== TRAILER_BYTES || bytes.toString('latin1', 4) !== MAGIC)
    throw new TypeError('not a partial of form 1')
  return bytes.readUInt32LE(0) + TRAILER_BYTES
}

/** `tail`: the last `directoryBytes` of the object. */
export function readDirectory(tail: Uint8Array): PackDirectory {
  const packed = tail.subarray(0, tail.length - TRAILER_BYTES)
  const directory = JSON.parse(zstdDecompressSync(packed).toString()) as PackDirectory
  if (directory.form !== 1) throw new TypeError('not a partial of form 1')
  return directory
}
