import { crc32, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { decompressSnappy } from 'hyparquet-compressors'
import { FormatError } from '../stream/format.ts'
import { SINGLE_OBJECT } from './avro.ts'
import { AvroCursor, type AvroRead, avroReader } from './avro-read.ts'
import { type AvroJson, avroFingerprint, parseAvroSchema } from './avro-schema.ts'

/** Object container files: https://avro.apache.org/docs/1.12.0/specification/#object-container-files */
const MAGIC = Buffer.from('Obj\u0001', 'latin1')
const SYNC_BYTES = 16
/** Of a block, before and after decompression; writers make blocks of some ten kB. */
const BLOCK_BYTES_MAX = 64 * 1024 * 1024

export function isAvroContainer(bytes: Buffer): boolean {
  return bytes.length >= MAGIC.length && bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

/** What the start of a file says of its blocks. */
export interface ContainerHeader {
  readonly sync: Buffer
  readonly codec: string
  /** What each record begins with to be read without its file: single-object encoding. */
  readonly prefix: Buffer
  /** Reads one datum, to find its end. */
  readonly skip: AvroRead
  readonly sizeBytes: number
}

/** The header that the bytes begin with. Throws a FormatError, where they are too few as well, or an AvroSchemaError. */
export function readContainerHeader(bytes: Buffer): ContainerHeader {
  const from = new AvroCursor(bytes, MAGIC.length)
  const meta = new Map<string, Buffer>()
  for (let count = from.size(); count !== 0; count = from.size()) {
    if (count < 0) from.size()
    for (let i = Math.abs(count); i > 0; i--) {
      const key = from.text()
      meta.set(key, from.take(from.size()))
    }
  }
  const sync = Buffer.from(from.take(SYNC_BYTES))
  const codec = meta.get('avro.codec')?.toString() ?? 'null'
  if (!Object.hasOwn(CODECS, codec))
    throw new FormatError(`Avro: the codec ${codec} is none of ${Object.keys(CODECS).join(', ')}`)
  const schema = meta.get('avro.schema')
  if (schema === undefined) throw new FormatError('Avro: the file does not say its schema')
  const type = parseAvroSchema(JSON.parse(schema.toString()) as AvroJson)
  const prefix = Buffer.alloc(SINGLE_OBJECT.length + 8)
  SINGLE_OBJECT.copy(prefix)
  prefix.writeBigUInt64LE(avroFingerprint(type), SINGLE_OBJECT.length)
  return { sync, codec, prefix, skip: avroReader(type, type), sizeBytes: from.at }
}

/** The records of a block, each with its prefix, and the block's length. */
export interface ContainerBlock {
  readonly records: readonly Buffer[]
  readonly sizeBytes: number
}

/** The block that `bytes` begin with; undefined while not all of it is there. Throws a FormatError where it is damaged. */
export function readContainerBlock(bytes: Buffer, header: ContainerHeader): ContainerBlock | undefined {
  const head = blockHead(bytes)
  if (head === undefined) return undefined
  const { count, size, at } = head
  if (!(count >= 0 && size >= 0 && size <= BLOCK_BYTES_MAX))
    throw new FormatError(
      `Avro: a block of ${count} records and ${size} bytes, at most ${BLOCK_BYTES_MAX} are read`,
    )
  const sizeBytes = at + size + SYNC_BYTES
  if (bytes.length < sizeBytes) return undefined
  if (!bytes.subarray(at + size, sizeBytes).equals(header.sync))
    throw new FormatError('Avro: the block does not end with the marker of its file')
  const data = (CODECS[header.codec] as Decompress)(bytes.subarray(at, at + size))
  const from = new AvroCursor(data)
  const records: Buffer[] = []
  while (records.length < count) {
    const start = from.at
    header.skip(from)
    records.push(Buffer.concat([header.prefix, data.subarray(start, from.at)]))
  }
  if (from.at !== data.length) throw new FormatError('Avro: a block holds more than its records')
  return { records, sizeBytes }
}

/** Two numbers of at most ten bytes each. */
function blockHead(bytes: Buffer) {
  const from = new AvroCursor(bytes)
  try {
    const count = from.size()
    const size = from.size()
    return { count, size, at: from.at }
  } catch (error) {
    if (bytes.length < 20 && error instanceof FormatError) return undefined
    throw error
  }
}

type Decompress = (bytes: Buffer) => Buffer

const CODECS: Readonly<Record<string, Decompress>> = {
  null: (bytes) => bytes,
  deflate: (bytes) => inflateRawSync(bytes, { maxOutputLength: BLOCK_BYTES_MAX }),
  zstandard: (bytes) => zstdDecompressSync(bytes, { maxOutputLength: BLOCK_BYTES_MAX }),
  snappy: unsnappy,
}

/** Snappy begins with the length as a varint; four bytes of CRC-32 of the content follow it. */
function unsnappy(bytes: Buffer): Buffer {
  const packed = bytes.subarray(0, -4)
  let length = 0
  for (let i = 0, scale = 1; i < 5; i++, scale *= 128) {
    const byte = packed[i] ?? 0
    length += (byte & 0x7f) * scale
    if (byte < 0x80) break
  }
  if (length > BLOCK_BYTES_MAX) throw new FormatError(`Avro: a snappy block of ${length} bytes`)
  const data = Buffer.from(decompressSnappy(packed, length))
  if (crc32(data) !== bytes.readUInt32BE(bytes.length - 4))
    throw new FormatError('Avro: a snappy block whose checksum is wrong')
  return data
}
