import type { Column } from '../../../lib/stream/columns.ts'
import type { Entry } from '../../../lib/stream/entry.ts'

export type Row = Readonly<Record<string, unknown>>

/** What the columns of an entry are to read as: bytes as base64, times as ms, JSON columns parsed. */
export function rowOf(columns: readonly Column[], entry: Entry): Row {
  const ok = entry.outcome === 'ok' ? entry : undefined
  const dead = entry.outcome === 'dead' ? entry : undefined
  const raw = dead?.raw
  const value = entry.outcome === 'dead' ? {} : entry.value
  const held = columns.filter((column) => isHeld(column, value))
  const rest = Object.entries(value).filter(([name]) => !held.some((column) => column.name === name))
  return {
    weir_site: entry.site,
    weir_topic: entry.topic,
    weir_partition: entry.partition,
    weir_offset: entry.offset,
    weir_append_time: entry.appendTime,
    weir_event_time: entry.eventTime,
    weir_outcome: entry.outcome,
    weir_score: ok?.score ?? null,
    weir_threshold: ok?.threshold ?? null,
    weir_model: ok?.model ?? null,
    weir_severity: ok?.severity ?? null,
    weir_reasons: ok?.reasons ?? null,
    weir_rule: entry.outcome === 'drop' ? entry.rule : null,
    weir_dead_stage: dead?.stage ?? null,
    weir_dead_reason: dead?.reason ?? null,
    weir_raw: typeof raw === 'string' ? raw : null,
    weir_raw_pointer: typeof raw === 'object' ? raw : null,
    weir_extra: rest.length > 0 ? Object.fromEntries(rest) : null,
    ...Object.fromEntries(columns.map(({ name }) => [name, null])),
    ...Object.fromEntries(held.map(({ name }) => [name, value[name]])),
  }
}

/** Whether a column can hold the field's value; other values lie in weir_extra. */
function isHeld({ name, kind }: Column, value: Readonly<Record<string, unknown>>): boolean {
  const field = Object.hasOwn(value, name) ? value[name] : undefined
  if (kind === 'string') return typeof field === 'string' && field.isWellFormed()
  if (kind === 'number') return typeof field === 'number' && Number.isFinite(field)
  if (kind === 'integer') return Number.isSafeInteger(field)
  if (kind === 'boolean') return typeof field === 'boolean'
  return field !== undefined
}

const JSON_COLUMNS = ['weir_reasons', 'weir_raw_pointer', 'weir_extra']

/** A row as a reader gave it, with its JSON columns parsed. */
export function parsedRow(columns: readonly Column[], row: Row): Row {
  const json = [...JSON_COLUMNS, ...columns.filter(({ kind }) => kind === 'json').map(({ name }) => name)]
  return Object.fromEntries(
    Object.entries(row).map(([name, cell]) => [
      name,
      json.includes(name) && typeof cell === 'string' ? (JSON.parse(cell) as unknown) : cell,
    ]),
  )
}
