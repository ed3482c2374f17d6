import type { ColumnSource } from 'hyparquet-writer'
import type { Column, ColumnKind } from '../stream/columns.ts'
import type { DeadEntry, Entry, OkEntry } from '../stream/entry.ts'
import type { Value } from '../stream/value.ts'
import type { EnvelopeName } from './parquet-schema.ts'

/** Plain arrays, one for each column: filled column by column, with no object per row. */
type Cells = (string | number | bigint | boolean | Uint8Array | null)[]

/** The envelope's columns of entries, and the fields' columns, in the order of the schema. */
export function columnData(columns: readonly Column[], entries: readonly Entry[]): ColumnSource[] {
  const values = entries.map((entry) => (entry.outcome === 'dead' ? undefined : entry.value))
  const held = new Uint32Array(values.length)
  const fields = columns.map((column) => ({ name: column.name, data: fieldCells(column, values, held) }))
  return [...envelopeData(entries, extraCells(columns, values, held)), ...fields]
}

function envelopeData(entries: readonly Entry[], extra: Cells): ColumnSource[] {
  const ok = (pick: (entry: OkEntry) => Cells[number] | undefined): Cells =>
    entries.map((entry) => (entry.outcome === 'ok' ? (pick(entry) ?? null) : null))
  const dead = (pick: (entry: DeadEntry) => Cells[number]): Cells =>
    entries.map((entry) => (entry.outcome === 'dead' ? pick(entry) : null))
  const data: Readonly<Record<EnvelopeName, Cells>> = {
    weir_site: entries.map(({ site }) => site),
    weir_topic: entries.map(({ topic }) => topic),
    weir_partition: entries.map(({ partition }) => partition),
    weir_offset: entries.map(({ offset }) => BigInt(offset)),
    weir_append_time: entries.map(({ appendTime }) => appendTime),
    weir_event_time: entries.map(({ eventTime }) => eventTime),
    weir_outcome: entries.map(({ outcome }) => outcome),
    weir_score: ok(({ score }) => score),
    weir_threshold: ok(({ threshold }) => threshold),
    weir_model: ok(({ model }) => model),
    weir_severity: ok(({ severity }) => severity),
    weir_reasons: ok(({ reasons }) => (reasons === undefined ? null : JSON.stringify(reasons))),
    weir_rule: entries.map((entry) => (entry.outcome === 'drop' ? entry.rule : null)),
    weir_dead_stage: dead(({ stage }) => stage),
    weir_dead_reason: dead(({ reason }) => reason),
    weir_raw: dead(({ raw }) => (typeof raw === 'string' ? Buffer.from(raw, 'base64') : null)),
    weir_raw_pointer: dead(({ raw }) => (typeof raw === 'string' ? null : JSON.stringify(raw))),
    weir_extra: extra,
  }
  return Object.entries(data).map(([name, cells]) => ({ name, data: cells, ...columnOptions(name) }))
}

/** Offsets grow by one: a delta coding takes them for nothing. Raw bytes and JSON have no order worth a statistic. */
const OPTIONS: Readonly<Record<string, Partial<ColumnSource>>> = {
  weir_offset: { encoding: 'DELTA_BINARY_PACKED' },
  weir_reasons: { statistics: false },
  weir_raw: { statistics: false, encoding: 'PLAIN' },
  weir_extra: { statistics: false },
}

/** How a column is written that is not written as any other. */
export function columnOptions(name: string): Partial<ColumnSource> {
  return OPTIONS[name] ?? {}
}

/** A column's cells; counts in `held`, by row, the fields that found their column. */
function fieldCells(
  { name, kind }: Column,
  values: readonly (Value | undefined)[],
  held: Uint32Array,
): Cells {
  const toCell = CELL_OF[kind]
  const cells: Cells = new Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const field = value === undefined ? undefined : value[name]
    const cell = field === undefined ? null : toCell(field, value, name)
    cells[i] = cell
    if (cell !== null) held[i] = (held[i] ?? 0) + 1
  }
  return cells
}

type ToCell = (field: unknown, value: Value | undefined, name: string) => Cells[number]

/** What a column of each kind takes, or null where the value must go to `weir_extra`. */
const CELL_OF: Readonly<Record<ColumnKind, ToCell>> = {
  string: (field) => (typeof field === 'string' && field.isWellFormed() ? field : null),
  number: (field) => (typeof field === 'number' && Number.isFinite(field) ? field : null),
  integer: (field) => (Number.isSafeInteger(field) ? toBigInt(field as number) : null),
  boolean: (field) => (typeof field === 'boolean' ? field : null),
  json: (field, value, name) =>
    value !== undefined && Object.hasOwn(value, name) ? JSON.stringify(field) : null,
}

/** BigInt(n) allocates; most integers of records are small. */
const SMALL = Array.from({ length: 1024 }, (_, n) => BigInt(n))

function toBigInt(n: number): bigint {
  return SMALL[n] ?? BigInt(n)
}

/** Rows that hold more fields than their columns took: those fields as JSON. */
function extraCells(
  columns: readonly Column[],
  values: readonly (Value | undefined)[],
  held: Uint32Array,
): Cells {
  const kinds = new Map(columns.map(({ name, kind }) => [name, kind]))
  return values.map((value, i) => {
    if (value === undefined) return null
    const names = Object.keys(value)
    if (names.length === held[i]) return null
    const rest = names.filter((name) => {
      const kind = kinds.get(name)
      return kind === undefined || CELL_OF[kind](value[name], value, name) === null
    })
    return JSON.stringify(Object.fromEntries(rest.map((name) => [name, value[name]])))
  })
}
