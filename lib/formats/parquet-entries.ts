import type { DeadEntry, Entry } from '../stream/entry.ts'
import type { Value } from '../stream/value.ts'
import type { Chunk } from './parquet-read.ts'
import type { EnvelopeName } from './parquet-schema.ts'

/** The records of a chunk that pass, with the fields it was read with. Needs `weir_outcome`. */
export function okValues(chunk: Chunk, wanted?: readonly string[]): Value[] {
  const outcomes = cells(chunk, 'weir_outcome')
  const make = valueMaker(chunk, wanted)
  const values: Value[] = []
  for (let i = 0; i < chunk.rows; i++) if (outcomes[i] === 'ok') values.push(make(i))
  return values
}

/** The chunk's rows as the entries that were written. Needs the whole envelope; a value has the fields read. */
export function entriesOf(chunk: Chunk, wanted?: readonly string[]): Entry[] {
  const make = valueMaker(chunk, wanted)
  const head = headMaker(chunk)
  const outcomes = cells(chunk, 'weir_outcome')
  const ok = okMaker(chunk)
  const dead = deadMaker(chunk)
  const rules = cells(chunk, 'weir_rule')
  return Array.from({ length: chunk.rows }, (_, i): Entry => {
    if (outcomes[i] === 'ok') return { ...head(i), outcome: 'ok', ...ok(i), value: make(i) }
    if (outcomes[i] === 'drop') return { ...head(i), outcome: 'drop', rule: String(rules[i]), value: make(i) }
    if (outcomes[i] === 'dead') return { ...head(i), outcome: 'dead', ...dead(i) }
    throw new TypeError(`row ${i}: unknown outcome`)
  })
}

function cells(chunk: Chunk, name: EnvelopeName): ArrayLike<unknown> {
  const column = chunk.envelope(name)
  if (column === undefined) throw new TypeError(`column ${name} was not read`)
  return column
}

function headMaker(chunk: Chunk) {
  const sites = cells(chunk, 'weir_site')
  const topics = cells(chunk, 'weir_topic')
  const partitions = cells(chunk, 'weir_partition')
  const offsets = cells(chunk, 'weir_offset')
  const appendTimes = cells(chunk, 'weir_append_time')
  const eventTimes = cells(chunk, 'weir_event_time')
  return (i: number) => ({
    site: String(sites[i]),
    topic: String(topics[i]),
    partition: Number(partitions[i]),
    offset: Number(offsets[i]),
    appendTime: Number(appendTimes[i]),
    eventTime: Number(eventTimes[i]),
  })
}

/** What a model added, as far as it is there. */
function okMaker(chunk: Chunk) {
  const parts = [
    ['score', cells(chunk, 'weir_score')],
    ['threshold', cells(chunk, 'weir_threshold')],
    ['model', cells(chunk, 'weir_model')],
    ['severity', cells(chunk, 'weir_severity')],
  ] as const
  const reasons = cells(chunk, 'weir_reasons')
  return (i: number): object => {
    const added: Record<string, unknown> = {}
    for (const [name, column] of parts) if (present(column[i])) added[name] = column[i]
    if (present(reasons[i])) added.reasons = JSON.parse(String(reasons[i]))
    return added
  }
}

function deadMaker(chunk: Chunk) {
  const stages = cells(chunk, 'weir_dead_stage')
  const reasons = cells(chunk, 'weir_dead_reason')
  const raws = cells(chunk, 'weir_raw')
  const pointers = cells(chunk, 'weir_raw_pointer')
  return (i: number): Pick<DeadEntry, 'stage' | 'reason' | 'raw'> => {
    const raw = raws[i]
    return {
      stage: String(stages[i]) as DeadEntry['stage'],
      reason: String(reasons[i]),
      raw: raw instanceof Uint8Array ? base64(raw) : (JSON.parse(String(pointers[i])) as DeadEntry['raw']),
    }
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/**
 * Row i's record, from its columns and from what `weir_extra` holds of the wanted fields. Columns that every row has are
 * copied from a template and then set, which costs a third of adding them one by one.
 */
function valueMaker(chunk: Chunk, wanted: readonly string[] | undefined): (i: number) => Value {
  const columns = chunk.fields.map(({ column, cells }) => ({
    name: column.name,
    json: column.kind === 'json',
    cells,
  }))
  const whole = columns.filter(({ json, cells }) => !json && isWhole(cells))
  const rest = columns.filter((column) => !whole.includes(column))
  const template = Object.fromEntries(whole.map(({ name, cells }) => [name, cells[0]]))
  const extras = wanted?.length === 0 ? undefined : cells(chunk, 'weir_extra')
  const some = wanted === undefined ? undefined : new Set(wanted)
  return (i) => {
    const value: Record<string, unknown> = { ...template }
    for (const { name, cells } of whole) value[name] = cells[i]
    for (const { name, json, cells } of rest) {
      const cell = cells[i]
      if (cell !== null && cell !== undefined) value[name] = json ? JSON.parse(cell as string) : cell
    }
    const extra = extras?.[i]
    return present(extra) ? withExtra(value, String(extra), some) : value
  }
}

function isWhole(cells: ArrayLike<unknown>): boolean {
  for (let i = 0; i < cells.length; i++) if (cells[i] === null || cells[i] === undefined) return false
  return true
}

function withExtra(value: Value, text: string, some: ReadonlySet<string> | undefined): Value {
  const extra = Object.entries(JSON.parse(text) as Value)
  const kept = some === undefined ? extra : extra.filter(([name]) => some.has(name))
  return Object.fromEntries([...Object.entries(value), ...kept])
}

function present(cell: unknown): boolean {
  return cell !== null && cell !== undefined
}
