import type { SchemaElement } from 'hyparquet'
import type { Column, ColumnKind } from '../stream/columns.ts'

/**
 * The form of a master file: an envelope whose names start with `weir_`, then the stream's own fields by their names.
 * Format: https://github.com/apache/parquet-format
 *
 * A field of the record that has no column, or whose value its column cannot hold (text where the column has numbers, a
 * null, a lone surrogate), lies in `weir_extra` as JSON. So reading a file gives back every entry as it was.
 */
export const ENVELOPE = [
  { name: 'weir_site', form: 'text', required: true },
  { name: 'weir_topic', form: 'text', required: true },
  { name: 'weir_partition', form: 'int32', required: true },
  { name: 'weir_offset', form: 'int64', required: true },
  { name: 'weir_append_time', form: 'time', required: true },
  { name: 'weir_event_time', form: 'time', required: true },
  { name: 'weir_outcome', form: 'text', required: true },
  { name: 'weir_score', form: 'double', required: false },
  { name: 'weir_threshold', form: 'double', required: false },
  { name: 'weir_model', form: 'text', required: false },
  { name: 'weir_severity', form: 'text', required: false },
  /** JSON. */
  { name: 'weir_reasons', form: 'text', required: false },
  /** Of a dropped record: the rule that dropped it. */
  { name: 'weir_rule', form: 'text', required: false },
  { name: 'weir_dead_stage', form: 'text', required: false },
  { name: 'weir_dead_reason', form: 'text', required: false },
  /** Of a dead letter: its original bytes, or where they lie (JSON). */
  { name: 'weir_raw', form: 'bytes', required: false },
  { name: 'weir_raw_pointer', form: 'text', required: false },
  /** JSON object of the fields that no column holds. */
  { name: 'weir_extra', form: 'text', required: false },
] as const satisfies readonly { name: string; form: Form; required: boolean }[]

export type EnvelopeName = (typeof ENVELOPE)[number]['name']

type Form = 'text' | 'bytes' | 'int32' | 'int64' | 'double' | 'boolean' | 'time'

const PREFIX = 'weir_'

const FORM_OF: Readonly<Record<ColumnKind, Form>> = {
  string: 'text',
  number: 'double',
  integer: 'int64',
  boolean: 'boolean',
  json: 'text',
}

const ELEMENT_OF: Readonly<Record<Form, Omit<SchemaElement, 'name' | 'repetition_type'>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  bytes: { type: 'BYTE_ARRAY' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
}

/** The Parquet schema of a stream's master files. Throws where a field's name is taken by the envelope. */
export function parquetSchemaOf(columns: readonly Column[]): SchemaElement[] {
  const taken = columns.find(({ name }) => name.startsWith(PREFIX))
  if (taken !== undefined)
    throw new Error(`field ${taken.name}: names that start with ${PREFIX} belong to the master's envelope`)
  const envelope = ENVELOPE.map(({ name, form, required }) => element(name, form, required))
  const fields = columns.map(({ name, kind }) => element(name, FORM_OF[kind], false))
  return [{ name: 'record', num_children: envelope.length + fields.length }, ...envelope, ...fields]
}

function element(name: string, form: Form, required: boolean): SchemaElement {
  return { name, ...ELEMENT_OF[form], repetition_type: required ? 'REQUIRED' : 'OPTIONAL' }
}

const GLUE_TYPE_OF: Readonly<Record<Form, string>> = {
  text: 'string',
  bytes: 'binary',
  int32: 'int',
  int64: 'bigint',
  double: 'double',
  boolean: 'boolean',
  time: 'timestamp',
}

/**
 * The columns of a stream's master files as a Hive table declares them. Its names know no case: of fields that differ
 * in nothing else the first is a column.
 */
export function hiveColumnsOf(columns: readonly Column[]): readonly { name: string; type: string }[] {
  const all = [
    ...ENVELOPE.map(({ name, form }) => ({ name: name as string, type: GLUE_TYPE_OF[form] })),
    ...columns.map(({ name, kind }) => ({ name: name.toLowerCase(), type: GLUE_TYPE_OF[FORM_OF[kind]] })),
  ]
  return all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i)
}

/** Key of the file's metadata entry that holds a `FileNote` as JSON. */
export const NOTE_KEY = 'weir'

/** What a master file says about itself besides its schema. */
export interface FileNote {
  readonly form: 1
  /** Fields and their kinds: which texts are JSON, which integers are numbers. */
  readonly columns: readonly Column[]
}

/** Throws a TypeError on what is no note of a form this release knows. */
export function readNote(text: string | undefined): FileNote {
  const note: unknown = text === undefined ? undefined : JSON.parse(text)
  if (typeof note !== 'object' || note === null || !('form' in note) || note.form !== 1)
    throw new TypeError(`not a master file of form 1: no "${NOTE_KEY}" entry in its metadata`)
  return note as FileNote
}
