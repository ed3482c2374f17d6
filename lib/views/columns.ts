import { fieldsOfAggregate } from '../stream/view-definition.ts'
import { type Aggregate, aggregateOf, asksForOrigin, type Cells, type GroupFold } from './aggregate.ts'
import { ColumnKeys } from './column-keys.ts'
import { Pairs } from './grouped-rows.ts'
import { onlyOk } from './keys.ts'
import { originHash } from './origin-hash.ts'
import type { States, View } from './view.ts'

/** Records of one raw partition, column by column: as the master stores them, with no object for a record. */
export interface ColumnBatch {
  /** Raw topic. */
  readonly topic: string
  readonly partition: number
  readonly rows: number
  readonly offsets: ArrayLike<unknown>
  /** Ms. */
  readonly eventTimes: ArrayLike<unknown>
  readonly outcomes: ArrayLike<unknown>
  /** Needed where a view names `@severity`. */
  readonly severities?: ArrayLike<unknown> | undefined
  /**
   * A field's cells, which must be what `Entry.value` has under that name (JSON parsed, what `weir_extra` holds put in its
   * place); null or undefined where a record has no such field, as dead ones have none. Undefined: no record has it.
   */
  field(name: string): ArrayLike<unknown> | undefined
}

/** What a view makes of some records: states of each key and slot. */
export interface Aggregated {
  readonly key: string
  /** Start of the slot, ms. */
  readonly slot: number
  readonly states: States
}

/**
 * Aggregates a view from columns: for every batch exactly what `View.keysOf` and `View.fold` make of the same entries
 * (test/views/columns.test.ts holds both together), at a fraction of the cost. Keys are interned, and each aggregate goes
 * once over all rows.
 */
export class ColumnAggregator {
  readonly #view: View
  readonly #aggregates: readonly Aggregate<unknown>[]
  readonly #fields: readonly (readonly string[])[]
  readonly #ok: boolean
  readonly #asksForOrigin: boolean
  #keys: ColumnKeys
  #folds: readonly GroupFold<unknown>[]
  #pairs = new Pairs()

  constructor(view: View) {
    const all = Object.values(view.definition.aggregates)
    this.#view = view
    this.#aggregates = all.map(aggregateOf)
    this.#fields = all.map(fieldsOfAggregate)
    this.#ok = onlyOk(view.definition)
    this.#asksForOrigin = all.some(asksForOrigin)
    this.#keys = new ColumnKeys(view.definition)
    this.#folds = this.#aggregates.map(groupsOf)
  }

  /** Keys times slots held so far: call `take` before they are too many. */
  get groups(): number {
    return this.#keys.groups
  }

  /** Takes in a batch's rows; only those numbered in `rows` where it is given. */
  add(batch: ColumnBatch, rows?: ArrayLike<number>): void {
    this.#group(batch, rows)
    const originOf = this.#asksForOrigin ? originsOf(batch) : () => 0
    const grouped = this.#pairs.grouped(originOf)
    for (let i = 0; i < this.#folds.length; i++) {
      const cells: Cells = (this.#fields[i] as readonly string[]).map((field) => cellsOf(batch, field))
      ;(this.#folds[i] as GroupFold<unknown>).add(grouped, cells)
    }
  }

  /** Everything taken in, in no particular order, and begins anew. */
  *take(): Generator<Aggregated> {
    const keys = this.#keys
    const folds = this.#folds
    this.#keys = new ColumnKeys(this.#view.definition)
    this.#folds = this.#aggregates.map(groupsOf)
    for (const { key, slot, group } of keys.all())
      yield { key, slot, states: folds.map((fold) => fold.state(group)) }
  }

  /** Finds the groups of each row that is in the view. */
  #group(batch: ColumnBatch, rows: ArrayLike<number> | undefined): void {
    const { where = [], groupBy } = this.#view.definition
    const conditions = where.map(({ field, in: wanted }) => ({
      cells: cellsOf(batch, field),
      wanted: wanted as readonly unknown[],
    }))
    const assign = this.#keys.assigner(
      groupBy.map((field) => cellsOf(batch, field)),
      this.#pairs.reset(),
    )
    const { outcomes, eventTimes } = batch
    const length = rows?.length ?? batch.rows
    for (let i = 0; i < length; i++) {
      const row = rows === undefined ? i : (rows[i] as number)
      if (this.#ok && outcomes[row] !== 'ok') continue
      if (conditions.length > 0 && !conditions.every(({ cells, wanted }) => wanted.includes(cells[row])))
        continue
      assign(row, eventTimes[row] as number)
    }
  }
}

/** An aggregate without a loop of its own: one fold for each group. */
function groupsOf(aggregate: Aggregate<unknown>): GroupFold<unknown> {
  if (aggregate.groups !== undefined) return aggregate.groups()
  const folds: ReturnType<typeof aggregate.fold>[] = []
  return {
    add: ({ length, groups, rows, originOf }, cells) => {
      for (let i = 0; i < length; i++) {
        const group = groups[i] as number
        const row = rows[i] as number
        let fold = folds[group]
        if (fold === undefined) {
          fold = aggregate.fold(aggregate.empty)
          folds[group] = fold
        }
        fold.add(cells, row, originOf(row))
      }
    },
    state: (group) => folds[group]?.state() ?? aggregate.empty,
  }
}

const NO_CELLS: ArrayLike<unknown> = []

function cellsOf(batch: ColumnBatch, field: string): ArrayLike<unknown> {
  if (field === '@outcome') return batch.outcomes
  if (field === '@eventTime') return batch.eventTimes
  if (field !== '@severity') return batch.field(field) ?? NO_CELLS
  if (batch.severities === undefined)
    throw new TypeError('a view of @severity needs the column of severities')
  return batch.severities
}

function originsOf({ topic, partition, offsets }: ColumnBatch): (row: number) => number {
  const hashOf = originHash(topic, partition)
  return (row) => hashOf(offsets[row] as number)
}
