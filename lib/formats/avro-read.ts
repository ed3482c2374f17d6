import { FormatError } from '../stream/format.ts'
import { type AvroField, type AvroRecord, AvroSchemaError, type AvroType } from './avro-schema.ts'

/** Reads one value and moves on. */
export type AvroRead = (from: AvroCursor) => unknown

/** Elements of one array or map, which may take no bytes at all. */
const ITEMS_MAX = 1_000_000
const LONG_BYTES_MAX = 10

/** Avro's binary encoding. Throws a FormatError where the bytes end too early. */
export class AvroCursor {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  take(size: number): Buffer {
    const end = this.at + size
    if (!(size >= 0 && end <= this.bytes.length))
      throw new FormatError('Avro: the record ends within a value')
    const taken = this.bytes.subarray(this.at, end)
    this.at = end
    return taken
  }

  /** An int or long, zigzag: a number, or beyond 2^53 its decimal text, so that no digit is lost. */
  long(): number | string {
    let value = 0
    for (let i = 0, scale = 1; i < 7; i++, scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    let big = BigInt(value)
    for (let i = 7; i < LONG_BYTES_MAX; i++) {
      const byte = this.#byte()
      big |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte >= 0x80) continue
      const signed = BigInt.asIntN(64, (big >> 1n) ^ -(big & 1n))
      const number = Number(signed)
      return Number.isSafeInteger(number) ? number : String(signed)
    }
    throw new FormatError('Avro: a number of more than ten bytes')
  }

  /** A length or a count. */
  size(): number {
    const size = this.long()
    if (typeof size === 'number') return size
    throw new FormatError('Avro: a length beyond 2^53')
  }

  text(): string {
    return this.take(this.size()).toString()
  }

  #byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new FormatError('Avro: the record ends within a value')
    return byte
  }
}

/**
 * Reads what `writer` wrote as `reader` has it, by Avro's schema resolution: fields by name or alias, defaults for missing
 * ones, numbers promoted, enum symbols by name. Bytes and fixed become base64. Throws an AvroSchemaError where the two do
 * not go together.
 */
export function avroReader(writer: AvroType, reader: AvroType): AvroRead {
  return resolve(writer, reader, new Map())
}

type Memo = Map<AvroType, Map<AvroType, AvroRead>>

function resolve(writer: AvroType, reader: AvroType, memo: Memo): AvroRead {
  if (writer.kind === 'union') return unionRead(writer.types, reader, memo)
  if (reader.kind === 'union') return resolve(writer, branchFor(writer, reader.types, memo), memo)
  if (writer.kind === 'record' && reader.kind === 'record') return recordRead(writer, reader, memo)
  if (writer.kind === 'array' && reader.kind === 'array')
    return arrayRead(resolve(writer.items, reader.items, memo))
  if (writer.kind === 'map' && reader.kind === 'map')
    return mapRead(resolve(writer.values, reader.values, memo))
  if (writer.kind === 'enum' && reader.kind === 'enum' && sameName(writer, reader)) {
    const symbols = writer.symbols.map((one) => (reader.symbols.includes(one) ? one : reader.default))
    return (from) => {
      const symbol = symbols[from.size()]
      if (symbol === undefined)
        throw new FormatError(`Avro: a symbol that the enum ${reader.name} does not have`)
      return symbol
    }
  }
  if (
    writer.kind === 'fixed' &&
    reader.kind === 'fixed' &&
    sameName(writer, reader) &&
    writer.size === reader.size
  )
    return (from) => from.take(writer.size).toString('base64')
  return primitiveRead(writer, reader)
}

const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
}

function primitiveRead(writer: AvroType, reader: AvroType): AvroRead {
  const fits = writer.kind === reader.kind || PROMOTIONS[writer.kind]?.includes(reader.kind) === true
  if (!fits || 'name' in writer) throw mismatch(writer, reader)
  switch (writer.kind) {
    case 'null':
      return () => null
    case 'boolean':
      return (from) => from.take(1)[0] === 1
    case 'int':
    case 'long':
      return reader.kind === 'int' || reader.kind === 'long'
        ? (from) => from.long()
        : (from) => Number(from.long())
    case 'float':
      return (from) => from.take(4).readFloatLE()
    case 'double':
      return (from) => from.take(8).readDoubleLE()
    case 'string':
    case 'bytes':
      return reader.kind === 'string'
        ? (from) => from.text()
        : (from) => from.take(from.size()).toString('base64')
    default:
      throw mismatch(writer, reader)
  }
}

/** A branch that goes with nothing of the reader's is an error only in a record that has it. */
function unionRead(types: readonly AvroType[], reader: AvroType, memo: Memo): AvroRead {
  const branches = types.map((type): AvroRead => {
    try {
      return resolve(type, reader, memo)
    } catch (error) {
      if (!(error instanceof AvroSchemaError)) throw error
      return () => {
        throw new FormatError(`Avro: ${error.message}`)
      }
    }
  })
  return (from) => {
    const branch = branches[from.size()]
    if (branch === undefined) throw new FormatError('Avro: a union has no such branch')
    return branch(from)
  }
}

/** The branch of the same kind and name; else the first that the writer's type can be read as. */
function branchFor(writer: AvroType, types: readonly AvroType[], memo: Memo): AvroType {
  const like = types.filter(
    (type) => type.kind === writer.kind && (!('name' in type) || sameName(type, writer)),
  )
  for (const type of [...like, ...types])
    try {
      resolve(writer, type, memo)
      return type
    } catch (error) {
      if (!(error instanceof AvroSchemaError)) throw error
    }
  throw new AvroSchemaError(`the writer's ${writer.kind} is none of the reader's union`)
}

function recordRead(writer: AvroRecord, reader: AvroRecord, memo: Memo): AvroRead {
  const known = memo.get(writer)?.get(reader)
  if (known !== undefined) return known
  if (!sameName(writer, reader)) throw mismatch(writer, reader)
  const steps: { readonly name: string | undefined; readonly read: AvroRead }[] = []
  const defaults: (readonly [string, unknown])[] = []
  const read: AvroRead = (from) => {
    const value: Record<string, unknown> = {}
    for (const step of steps) {
      const one = step.read(from)
      if (step.name !== undefined) value[step.name] = one
    }
    for (const [name, one] of defaults) value[name] = one
    return value
  }
  const ofWriter = memo.get(writer) ?? new Map<AvroType, AvroRead>()
  // Before its fields: one of them may be of this very type.
  memo.set(writer, ofWriter.set(reader, read))
  try {
    for (const field of writer.fields) {
      const wanted = reader.fields.find((one) => one.name === field.name || one.aliases.includes(field.name))
      steps.push({ name: wanted?.name, read: resolve(field.type, wanted?.type ?? field.type, memo) })
    }
    for (const field of reader.fields)
      if (!steps.some(({ name }) => name === field.name))
        defaults.push([field.name, defaultOf(field, reader)])
  } catch (error) {
    ofWriter.delete(reader)
    throw error
  }
  return read
}

function defaultOf(field: AvroField, { name }: AvroRecord): unknown {
  if (field.default === undefined)
    throw new AvroSchemaError(`the writer's ${name} has no field ${field.name}, which has no default`)
  const { value } = field.default
  const kind = field.type.kind === 'union' ? field.type.types[0]?.kind : field.type.kind
  // The characters of a default stand for bytes.
  const bytes = (kind === 'bytes' || kind === 'fixed') && typeof value === 'string'
  return bytes ? Buffer.from(value, 'latin1').toString('base64') : value
}

function arrayRead(item: AvroRead): AvroRead {
  return (from) => {
    const items: unknown[] = []
    inBlocks(from, () => items.push(item(from)))
    return items
  }
}

function mapRead(value: AvroRead): AvroRead {
  return (from) => {
    const map: Record<string, unknown> = {}
    inBlocks(from, () => {
      const key = from.text()
      if (key === '__proto__') throw new FormatError('a field may not be named __proto__')
      map[key] = value(from)
    })
    return map
  }
}

function inBlocks(from: AvroCursor, read: () => void): void {
  let total = 0
  for (let count = from.size(); count !== 0; count = from.size()) {
    // A negative count is followed by the block's size in bytes.
    if (count < 0) from.size()
    total += Math.abs(count)
    if (total > ITEMS_MAX) throw new FormatError(`Avro: an array or map of more than ${ITEMS_MAX} elements`)
    for (let i = Math.abs(count); i > 0; i--) read()
  }
}

/** Without the namespace, as implementations have it; or by an alias of the reader's. */
function sameName(writer: AvroType, reader: AvroType): boolean {
  if (!('name' in writer && 'name' in reader)) return false
  const short = (name: string) => name.slice(name.lastIndexOf('.') + 1)
  return short(writer.name) === short(reader.name) || reader.aliases.includes(writer.name)
}

function mismatch(writer: AvroType, reader: AvroType): AvroSchemaError {
  return new AvroSchemaError(`the writer's ${writer.kind} cannot be read as ${reader.kind}`)
}
