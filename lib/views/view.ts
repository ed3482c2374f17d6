import { createHash } from 'node:crypto'
import type { Entry } from '../stream/entry.ts'
import type { Value } from '../stream/value.ts'
import { type FieldCondition, fieldsOfAggregate, type ViewDefinition } from '../stream/view-definition.ts'
import {
  type Aggregate,
  type Answer,
  aggregateOf,
  asksForOrigin,
  type Cells,
  canonicalAggregate,
  type Fold,
} from './aggregate.ts'
import { SEPARATOR } from './key.ts'
import { keysOfFields, onlyOk } from './keys.ts'
import { originHash } from './origin-hash.ts'

/** The states of one key, one for each aggregate of the view, in the order of its definition. */
export type States = readonly unknown[]

/** A view ready to run: the one piece of code that the speed layer, the batch layer, queries and tests all use. */
export interface View {
  /** `stream.view`, as queries name it. */
  readonly id: string
  readonly definition: ViewDefinition
  /** A hash of what of the definition decides about states: a changed view is another view. */
  readonly version: string
  /** Names of the aggregates. */
  readonly aggregates: readonly string[]
  /** By name of the aggregate, in words: how far its answers may be off. Absent: exact. */
  readonly errors: Readonly<Record<string, string>>
  readonly empty: States
  /** Start of the slot that holds an event time, ms. */
  slotOf(eventTimeMs: number): number
  /**
   * Keys the entry feeds: none where it is not in the view. Of more than `RECORD_KEYS_MAX` the first count, in the order
   * of the groupBy fields and of their elements, one of them twice where the view has `repeats`; long values are cut (`keyPart`). Both layers ask here, and so agree.
   */
  keysOf(entry: Entry): readonly string[]
  /** A place to lay out one entry after the other for `fold`s of this view. */
  row(): EntryRow
  /** Takes in rows by changing itself, beginning with `states`, which stay as they are. */
  fold(states: States): StatesFold
  /** The states with one more entry in them. To take in many, use `fold`. */
  add(states: States, entry: Entry): States
  merge(a: States, b: States): States
  toJson(states: States): unknown
  /** Throws a TypeError on what `toJson` of this version did not make. */
  fromJson(json: unknown): States
  /** Aggregates by name. */
  answer(states: States): Record<string, Answer>
  /** The values of the groupBy fields that a key was made of. */
  fieldsOf(key: string): Record<string, string>
}

export interface StatesFold {
  add(row: EntryRow): void
  /** The states now; the fold must not be used after it. */
  states(): States
}

export function compileView(stream: string, name: string, definition: ViewDefinition): View {
  const aggregates = Object.values(definition.aggregates).map(aggregateOf)
  const names = Object.keys(definition.aggregates)
  const { slotMs } = definition
  const row = () => new EntryRow(definition)
  const fold = (states: States) => new AggregateFolds(aggregates, states)
  return {
    id: `${stream}.${name}`,
    definition,
    version: versionOf(definition),
    aggregates: names,
    errors: errorsOf(names, aggregates),
    empty: aggregates.map(({ empty }) => empty),
    slotOf: (eventTimeMs) => eventTimeMs - (eventTimeMs % slotMs),
    keysOf: keysOf(definition),
    row,
    fold,
    add: (states, entry) => {
      const one = fold(states)
      one.add(row().set(entry))
      return one.states()
    },
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

/** One entry as the cells its view's aggregates read: the same that the batch layer finds in columns (columns.ts). */
export class EntryRow {
  /** For each aggregate, the cells of its fields. */
  readonly cells: readonly Cells[]
  #origin = 0
  #place: { topic: string; partition: number; hash: (offset: number) => number } | undefined
  readonly #fields: readonly { readonly name: string; readonly cell: unknown[] }[]
  readonly #asksForOrigin: boolean

  constructor({ aggregates }: ViewDefinition) {
    const all = Object.values(aggregates)
    const names = [...new Set(all.flatMap(fieldsOfAggregate))]
    this.#fields = names.map((name) => ({ name, cell: [undefined] }))
    const cellOf = (name: string) => this.#fields.find((field) => field.name === name)?.cell ?? []
    this.cells = all.map((aggregate) => fieldsOfAggregate(aggregate).map(cellOf))
    this.#asksForOrigin = all.some(asksForOrigin)
  }

  get origin(): number {
    return this.#origin
  }

  #hashOf({ topic, partition }: Entry): (offset: number) => number {
    if (this.#place?.topic !== topic || this.#place.partition !== partition)
      this.#place = { topic, partition, hash: originHash(topic, partition) }
    return this.#place.hash
  }

  set(entry: Entry): this {
    for (const { name, cell } of this.#fields) cell[0] = fieldOf(entry, name)
    if (this.#asksForOrigin) this.#origin = this.#hashOf(entry)(entry.offset)
    return this
  }
}

class AggregateFolds implements StatesFold {
  readonly #folds: readonly Fold<unknown>[]

  constructor(aggregates: readonly Aggregate<unknown>[], states: States) {
    this.#folds = aggregates.map((aggregate, i) => aggregate.fold(states[i]))
  }

  add(row: EntryRow): void {
    for (let i = 0; i < this.#folds.length; i++)
      (this.#folds[i] as Fold<unknown>).add(row.cells[i] as Cells, 0, row.origin)
  }

  states(): States {
    return this.#folds.map((fold) => fold.state())
  }
}

function errorsOf(names: readonly string[], aggregates: readonly Aggregate<unknown>[]) {
  return Object.fromEntries(
    names.flatMap((name, i) => {
      const error = aggregates[i]?.error
      return error === undefined ? [] : [[name, error]]
    }),
  )
}

function versionOf({ where = [], groupBy, repeats, slotMs, aggregates }: ViewDefinition): string {
  const canonical = Object.entries(aggregates).map(([name, one]) => [name, canonicalAggregate(one)])
  return createHash('sha256')
    .update(JSON.stringify({ where, groupBy, repeats, slotMs, aggregates: canonical }))
    .digest('hex')
    .slice(0, 12)
}

const NO_FIELDS: Value = {}

function fieldOf(entry: Entry, field: string): unknown {
  if (field === '@outcome') return entry.outcome
  if (field === '@severity') return entry.outcome === 'ok' ? entry.severity : undefined
  if (field === '@eventTime') return entry.eventTime
  return (entry.outcome === 'dead' ? NO_FIELDS : entry.value)[field]
}

function keysOf(definition: ViewDefinition): (entry: Entry) => readonly string[] {
  const { where = [], groupBy, repeats } = definition
  const ok = onlyOk(definition)
  return (entry) => {
    if (ok && entry.outcome !== 'ok') return []
    if (where.length > 0 && !where.every((condition) => holds(condition, entry))) return []
    return keysOfFields(
      groupBy.map((field) => fieldOf(entry, field)),
      repeats,
    )
  }
}

function holds(condition: FieldCondition, entry: Entry): boolean {
  const value = fieldOf(entry, condition.field)
  return condition.in.some((one) => one === value)
}

function statesFromJson(aggregates: readonly Aggregate<unknown>[], json: unknown): States {
  if (!Array.isArray(json) || json.length !== aggregates.length)
    throw new TypeError(`expected ${aggregates.length} aggregate states`)
  return aggregates.map((aggregate, i) => aggregate.fromJson(json[i]))
}
