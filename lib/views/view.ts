import { createHash } from 'node:crypto'
import type { Entry } from '../stream/entry.ts'
import type { Value } from '../stream/value.ts'
import type { FieldCondition, ViewDefinition } from '../stream/view-definition.ts'
import { type Aggregate, aggregateOf } from './aggregate.ts'
import { keyPart, SEPARATOR } from './key.ts'

/** The states of one key, one for each aggregate of the view, in the order of its definition. */
export type States = readonly unknown[]

/** A view ready to run: the one piece of code that the speed layer, the batch layer, queries and tests all use. */
export interface View {
  /** `stream.view`, as queries name it. */
  readonly id: string
  readonly definition: ViewDefinition
  /** A hash of the definition: a changed view is another view. */
  readonly version: string
  readonly aggregates: readonly string[]
  readonly empty: States
  /** Start of the slot that holds an event time, ms. */
  slotOf(eventTimeMs: number): number
  /**
   * Keys the entry feeds: none where it is not in the view. Of more than `RECORD_KEYS_MAX` the first count, in the order
   * of the groupBy fields and of their elements; long values are cut (`keyPart`). Both layers ask here, and so agree.
   */
  keysOf(entry: Entry): readonly string[]
  add(states: States, entry: Entry): States
  merge(a: States, b: States): States
  toJson(states: States): unknown
  /** Throws a TypeError on what `toJson` of this version did not make. */
  fromJson(json: unknown): States
  /** Aggregates by name. */
  answer(states: States): Record<string, number | string | null>
  /** The values of the groupBy fields that a key was made of. */
  fieldsOf(key: string): Record<string, string>
}

/** Keys that one record feeds at most: two long arrays have more pairs than any board could hold. */
export const RECORD_KEYS_MAX = 10_000
const NO_FIELDS: Value = {}

export function compileView(stream: string, name: string, definition: ViewDefinition): View {
  const aggregates = Object.values(definition.aggregates).map(aggregateOf)
  const names = Object.keys(definition.aggregates)
  const { slotMs } = definition
  return {
    id: `${stream}.${name}`,
    definition,
    version: versionOf(definition),
    aggregates: names,
    empty: aggregates.map(({ empty }) => empty),
    slotOf: (eventTimeMs) => eventTimeMs - (eventTimeMs % slotMs),
    keysOf: keysOf(definition),
    add: (states, entry) => aggregates.map((aggregate, i) => aggregate.add(states[i], recordOf(entry))),
    merge: (a, b) => aggregates.map((aggregate, i) => aggregate.merge(a[i], b[i])),
    toJson: (states) => aggregates.map((aggregate, i) => aggregate.toJson(states[i])),
    fromJson: (json) => statesFromJson(aggregates, json),
    answer: (states) =>
      Object.fromEntries(names.map((aggregate, i) => [aggregate, aggregates[i]?.answer(states[i]) ?? null])),
    fieldsOf: (key) => {
      const parts = key.split(SEPARATOR)
      return Object.fromEntries(definition.groupBy.map((field, i) => [field, parts[i] ?? '']))
    },
  }
}

function versionOf(definition: ViewDefinition): string {
  const { where = [], groupBy, slotMs, aggregates } = definition
  const canonical = JSON.stringify({ where, groupBy, slotMs, aggregates: Object.entries(aggregates) })
  return createHash('sha256').update(canonical).digest('hex').slice(0, 12)
}

function recordOf(entry: Entry): Value {
  return entry.outcome === 'dead' ? NO_FIELDS : entry.value
}

function fieldOf(entry: Entry, field: string): unknown {
  if (field === '@outcome') return entry.outcome
  if (field === '@severity') return entry.outcome === 'ok' ? entry.severity : undefined
  return recordOf(entry)[field]
}

function keysOf({ where = [], groupBy }: ViewDefinition): (entry: Entry) => readonly string[] {
  const anyOutcome = [...groupBy, ...where.map(({ field }) => field)].includes('@outcome')
  const [first, ...rest] = groupBy
  return (entry) => {
    if (!anyOutcome && entry.outcome !== 'ok') return []
    if (where.length > 0 && !where.every((condition) => holds(condition, entry))) return []
    let keys = first === undefined ? [] : parts(fieldOf(entry, first))
    for (const field of rest) keys = pairs(keys, parts(fieldOf(entry, field)))
    return keys.length > RECORD_KEYS_MAX ? keys.slice(0, RECORD_KEYS_MAX) : keys
  }
}

function pairs(keys: readonly string[], parts: readonly string[]): readonly string[] {
  const all: string[] = []
  for (const key of keys) {
    for (const part of parts) all.push(key + SEPARATOR + part)
    if (all.length > RECORD_KEYS_MAX) break
  }
  return all
}

function holds(condition: FieldCondition, entry: Entry): boolean {
  const value = fieldOf(entry, condition.field)
  return condition.in.some((one) => one === value)
}

function parts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [keyPart(value)]
  if (Array.isArray(value)) return [...new Set(value.flatMap(parts))]
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)]
  return []
}

function statesFromJson(aggregates: readonly Aggregate<unknown>[], json: unknown): States {
  if (!Array.isArray(json) || json.length !== aggregates.length)
    throw new TypeError(`expected ${aggregates.length} aggregate states`)
  return aggregates.map((aggregate, i) => aggregate.fromJson(json[i]))
}
