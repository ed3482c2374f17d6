/** An Avro schema as its JSON has it (https://avro.apache.org/docs/1.12.0/specification/). */
export type AvroJson = string | readonly AvroJson[] | { readonly [attribute: string]: unknown }

export type AvroPrimitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

/** A schema read: names are full ones, and a name used again is the same object. Logical types are their plain ones. */
export type AvroType =
  | { readonly kind: AvroPrimitive }
  | AvroRecord
  | (Named & { readonly kind: 'enum'; readonly symbols: readonly string[]; readonly default?: string })
  | (Named & { readonly kind: 'fixed'; readonly size: number })
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly types: readonly AvroType[] }

interface Named {
  readonly name: string
  readonly aliases: readonly string[]
}

export interface AvroRecord extends Named {
  readonly kind: 'record'
  readonly fields: AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly aliases: readonly string[]
  readonly type: AvroType
  /** Absent: it has none. */
  readonly default?: { readonly value: unknown }
}

/** A schema that is wrong: what, and where. */
export class AvroSchemaError extends Error {
  override readonly name = 'AvroSchemaError'
}

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])

/** Throws an AvroSchemaError. */
export function parseAvroSchema(json: AvroJson): AvroType {
  return parse(json, '', new Map())
}

function parse(json: unknown, namespace: string, names: Map<string, AvroType>): AvroType {
  if (typeof json === 'string') {
    if (PRIMITIVES.has(json)) return { kind: json as AvroPrimitive }
    const found = names.get(fullName(json, namespace)) ?? names.get(json)
    if (found === undefined) throw new AvroSchemaError(`the schema uses the type ${json} before defining it`)
    return found
  }
  if (Array.isArray(json)) return { kind: 'union', types: json.map((one) => parse(one, namespace, names)) }
  if (typeof json !== 'object' || json === null)
    throw new AvroSchemaError('a type is a name, a list or an object')
  const all = json as Readonly<Record<string, unknown>>
  switch (all.type) {
    case 'array':
      return { kind: 'array', items: parse(all.items, namespace, names) }
    case 'map':
      return { kind: 'map', values: parse(all.values, namespace, names) }
    case 'record':
    case 'error':
    case 'enum':
    case 'fixed':
      return parseNamed(all, namespace, names)
    default:
      return parse(all.type, namespace, names)
  }
}

function parseNamed(
  all: Readonly<Record<string, unknown>>,
  outer: string,
  names: Map<string, AvroType>,
): AvroType {
  const name = fullName(textOf(all.name, 'name'), typeof all.namespace === 'string' ? all.namespace : outer)
  const namespace = name.slice(0, Math.max(0, name.lastIndexOf('.')))
  const aliases = listOf(all.aliases).map((alias) => fullName(alias, namespace))
  const keep = <T extends AvroType>(type: T): T => {
    if (names.has(name)) throw new AvroSchemaError(`the schema defines ${name} twice`)
    names.set(name, type)
    return type
  }
  if (all.type === 'enum') {
    const symbols = listOf(all.symbols)
    return keep({
      kind: 'enum',
      name,
      aliases,
      symbols,
      ...(typeof all.default === 'string' && { default: all.default }),
    })
  }
  if (all.type === 'fixed') return keep({ kind: 'fixed', name, aliases, size: Number(all.size) })
  const record = keep({ kind: 'record', name, aliases, fields: [] as AvroField[] })
  if (!Array.isArray(all.fields)) throw new AvroSchemaError(`${name} has no list of fields`)
  for (const field of all.fields as Readonly<Record<string, unknown>>[])
    record.fields.push({
      name: textOf(field.name, `name of a field of ${name}`),
      aliases: listOf(field.aliases),
      type: parse(field.type, namespace, names),
      ...(Object.hasOwn(field, 'default') && { default: { value: field.default } }),
    })
  return record
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new AvroSchemaError(`the schema lacks the ${what}`)
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

/** The Parsing Canonical Form: the same for schemas that read the same bytes. */
export function canonicalAvro(type: AvroType, written = new Set<string>()): string {
  const inner = (one: AvroType) => canonicalAvro(one, written)
  if (type.kind === 'union') return `[${type.types.map(inner).join(',')}]`
  if (type.kind === 'array') return `{"type":"array","items":${inner(type.items)}}`
  if (type.kind === 'map') return `{"type":"map","values":${inner(type.values)}}`
  if (!('name' in type)) return JSON.stringify(type.kind)
  const name = JSON.stringify(type.name)
  if (written.has(type.name)) return name
  written.add(type.name)
  if (type.kind === 'enum') return `{"name":${name},"type":"enum","symbols":${JSON.stringify(type.symbols)}}`
  if (type.kind === 'fixed') return `{"name":${name},"type":"fixed","size":${type.size}}`
  const fields = type.fields.map(
    (field) => `{"name":${JSON.stringify(field.name)},"type":${inner(field.type)}}`,
  )
  return `{"name":${name},"type":"record","fields":[${fields.join(',')}]}`
}

const EMPTY = 0xc15d213aa4d7a795n
const TABLE = Array.from({ length: 256 }, (_, i) => {
  let print = BigInt(i)
  for (let bit = 0; bit < 8; bit++) print = (print >> 1n) ^ ((print & 1n) === 1n ? EMPTY : 0n)
  return print
})

/** CRC-64-AVRO of the canonical form: how single-object encoding names a schema. */
export function avroFingerprint(type: AvroType): bigint {
  let print = EMPTY
  for (const byte of Buffer.from(canonicalAvro(type)))
    print = (print >> 8n) ^ (TABLE[Number((print ^ BigInt(byte)) & 0xffn)] ?? 0n)
  return print
}
