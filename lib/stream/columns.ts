import { z } from 'zod'

/** A field of a stream as a typed column: what the Parquet schema, the Glue table and the CSV parser are made from. */
export interface Column {
  readonly name: string
  /** `json` holds arrays and objects as JSON text. */
  readonly kind: ColumnKind
  readonly optional: boolean
}

export type ColumnKind = 'string' | 'number' | 'integer' | 'boolean' | 'json'

/** The columns of an object schema, in the order of its fields. Throws on a schema that JSON Schema cannot express. */
export function columnsOf(schema: z.ZodObject): readonly Column[] {
  const json = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'throw' })
  const required = new Set(json.required ?? [])
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    kind: kindOf(property),
    optional: !required.has(name),
  }))
}

function kindOf(property: unknown): ColumnKind {
  const type =
    typeof property === 'object' && property !== null && 'type' in property ? property.type : undefined
  if (type === 'string' || type === 'number' || type === 'integer' || type === 'boolean') return type
  return 'json'
}
