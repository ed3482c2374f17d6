import { type Format, FormatError, type Parse } from '../stream/format.ts'
import { AvroCursor, type AvroRead, avroReader } from './avro-read.ts'
import { type AvroJson, avroFingerprint, parseAvroSchema } from './avro-schema.ts'

export interface AvroOptions {
  /** What records are read as. */
  readonly schema: AvroJson
  /** Other schemas that records were written with, older and newer ones. */
  readonly writers?: readonly AvroJson[]
  /** Schemas by their id in a Confluent schema registry. */
  readonly registry?: Readonly<Record<number, AvroJson>>
  /** Fields whose whole numbers become text, as ids beyond 2^53 do in any case. */
  readonly asText?: readonly string[]
  /** For records that are neither. */
  readonly otherwise?: Format
}

/** Single-object encoding: this, the writer's schema as 8 bytes of fingerprint, and the datum. */
export const SINGLE_OBJECT = Buffer.from([0xc3, 0x01])
export const FINGERPRINT_BYTES = 8
const HEAD_BYTES = SINGLE_OBJECT.length + FINGERPRINT_BYTES
const CONFLUENT_MAGIC = 0
const CONFLUENT_HEAD_BYTES = 5

/**
 * Avro records, each naming the schema it was written with: in single-object encoding by fingerprint, or as Confluent's
 * serialisers write them (0, then the registry's id in four bytes). A field that is null is absent. Throws an
 * AvroSchemaError, when the stream is defined, where a writer's schema cannot be read as `schema`.
 *
 * Object container files are cut into records of single-object encoding (avro-container.ts).
 */
export function avro(options: AvroOptions): Format {
  const { otherwise } = options
  return {
    name: otherwise === undefined ? 'avro' : `avro-or-${otherwise.name}`,
    ...(otherwise?.framing && { framing: otherwise.framing }),
    compile: (columns) => parseAvro(options, otherwise?.compile(columns)),
  }
}

function parseAvro(
  { schema, writers = [], registry = {}, asText = [] }: AvroOptions,
  otherwise?: Parse,
): Parse {
  const reader = parseAvroSchema(schema)
  const byPrint = new Map<bigint, AvroRead>()
  const add = (json: AvroJson) => {
    const writer = parseAvroSchema(json)
    const read = avroReader(writer, reader)
    byPrint.set(avroFingerprint(writer), read)
    return read
  }
  for (const json of [schema, ...writers]) add(json)
  const byId = new Map(Object.entries(registry).map(([id, json]) => [Number(id), add(json)]))
  return (bytes) => {
    if (bytes[0] === SINGLE_OBJECT[0] && bytes[1] === SINGLE_OBJECT[1] && bytes.length >= HEAD_BYTES) {
      const print = bytes.readBigUInt64LE(SINGLE_OBJECT.length)
      return datum(
        known(byPrint.get(print), `the fingerprint ${printText(print)}`),
        bytes,
        HEAD_BYTES,
        asText,
      )
    }
    if (bytes[0] === CONFLUENT_MAGIC && bytes.length >= CONFLUENT_HEAD_BYTES) {
      const id = bytes.readUInt32BE(1)
      return datum(known(byId.get(id), `the registry's id ${id}`), bytes, CONFLUENT_HEAD_BYTES, asText)
    }
    if (otherwise !== undefined) return otherwise(bytes)
    throw new FormatError(`Avro: expected a record that names its schema, found ${bytes.length} other bytes`)
  }
}

/** As messages have it, 16 hex digits. */
export function printText(print: bigint): string {
  return print.toString(16).padStart(16, '0')
}

function known(read: AvroRead | undefined, what: string): AvroRead {
  if (read !== undefined) return read
  throw new FormatError(
    `Avro: the stream has no schema with ${what}; add it to the format's writers or registry`,
  )
}

function datum(
  read: AvroRead,
  bytes: Buffer,
  at: number,
  asText: readonly string[],
): Record<string, unknown> {
  const cursor = new AvroCursor(bytes, at)
  const value = read(cursor)
  if (cursor.at !== bytes.length)
    throw new FormatError(`Avro: ${bytes.length - cursor.at} bytes follow the record`)
  if (typeof value !== 'object' || value === null) throw new FormatError('Avro: expected a record')
  const fields = Object.entries(value).filter(([, one]) => one !== null)
  return Object.fromEntries(
    fields.map(([name, one]) => [name, typeof one === 'number' && asText.includes(name) ? String(one) : one]),
  )
}
