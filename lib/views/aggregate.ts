import type { AggregateDefinition } from '../stream/view-definition.ts'
import { count } from './count.ts'
import { BUCKETS_PER_OCTAVE_FORM, bucketsPerOctave } from './cubic-log.ts'
import { DISTINCT_FORM, distinct, PRECISION } from './distinct.ts'
import { extreme } from './extreme.ts'
import { type HistogramAnswer, histogram } from './histogram.ts'
import { type QuantileAnswer, quantile } from './quantile.ts'
import { share } from './share.ts'
import { mean, ratio, sum } from './sums.ts'
import { CAPACITY, TOP_FORM, type TopValue, top } from './top.ts'

/**
 * A commutative monoid with a serial form. For every a, b, c: merge(a, b) = merge(b, a),
 * merge(a, merge(b, c)) = merge(merge(a, b), c), merge(empty, a) = a, fromJson(toJson(a)) = a, and folding records one by
 * one gives the same as merging parts of them in any order: a state depends on which records are in it and on nothing
 * else. test/views holds every aggregate to these laws, sketches included, to the byte.
 */
export interface Aggregate<S> {
  readonly empty: S
  /** A fold that begins with a state. The state itself is never changed. */
  fold(from: S): Fold<S>
  /** Folds for many keys at once; one `fold` for each where left out. */
  groups?(): GroupFold<S>
  merge(a: S, b: S): S
  toJson(state: S): unknown
  /** Throws a TypeError on what no `toJson` made. */
  fromJson(json: unknown): S
  answer(state: S): Answer
  /** How far an answer may be off, in words; undefined where it is exact. */
  readonly error?: string
}

/** Takes in records by changing itself: a state of some kilobytes is not copied for each. */
export interface Fold<S> {
  /**
   * One more record: `cells[f][row]` is its value of the aggregate's field f; undefined or null: it has none. `origin`:
   * a hash of the record's origin, 32 bits.
   */
  add(cells: Cells, row: number, origin: number): void
  /** The state now; the fold must not be used after it. */
  state(): S
}

/** The cells of an aggregate's fields, in the order of `fieldsOfAggregate`. */
export type Cells = readonly ArrayLike<unknown>[]

/** The folds of many keys, numbered from 0 up in order of their appearance. */
export interface GroupFold<S> {
  /** Takes `rows[i]` into the group `groups[i]`, for i < `length`. `origins`: of each row, by row. */
  add(batch: GroupedRows, cells: Cells): void
  state(group: number): S
}

export interface GroupedRows {
  readonly length: number
  readonly groups: Int32Array
  readonly rows: Int32Array
  /** Hash of the row's origin; where no aggregate of the view asks for it, 0. */
  originOf(row: number): number
}

/**
 * For people and answers. A number, or decimal text where a number could not hold it exactly; null for no records; a list
 * for `top`; an object for `quantile` and `histogram`.
 */
export type Answer = number | string | null | readonly TopValue[] | QuantileAnswer | HistogramAnswer

/** The aggregate a definition names. */
export function aggregateOf(definition: AggregateDefinition): Aggregate<unknown> {
  // The state's type stays inside: a state goes back only to the aggregate that made it.
  return make(definition) as Aggregate<unknown>
}

function make(definition: AggregateDefinition) {
  switch (definition.kind) {
    case 'count':
      return count
    case 'sum':
      return sum(definition.decimals ?? 0)
    case 'mean':
      return mean(definition.decimals ?? 0)
    case 'ratio':
      return ratio(definition.decimals ?? 0)
    case 'min':
      return extreme((a, b) => a < b)
    case 'max':
      return extreme((a, b) => a > b)
    case 'share':
      return share(definition.where)
    case 'distinct':
      return distinct(definition.precision ?? PRECISION)
    case 'top':
      return top(definition.k ?? 10, definition.capacity ?? CAPACITY)
    case 'quantile':
      return quantile(definition.at, bucketsPerOctave(definition.accuracy ?? 0.01))
    case 'histogram':
      return histogram(definition.bounds)
  }
}

/** Of the aggregates whose state depends on which record a value came with, and not on the value alone. */
export function asksForOrigin({ kind }: AggregateDefinition): boolean {
  return kind === 'top'
}

/**
 * What of a definition decides about states, and so about the view's version: defaults filled in, what only answers
 * depend on left out, and the form of a sketch, so that a better one is another version and is built from the master.
 */
export function canonicalAggregate(definition: AggregateDefinition): unknown {
  switch (definition.kind) {
    case 'distinct': {
      const { kind, field, precision = PRECISION } = definition
      return { kind, field, precision, form: DISTINCT_FORM }
    }
    case 'top': {
      const { kind, field, capacity = CAPACITY } = definition
      return { kind, field, capacity, form: TOP_FORM }
    }
    case 'quantile': {
      const { kind, field, accuracy = 0.01 } = definition
      return { kind, field, perOctave: bucketsPerOctave(accuracy), form: BUCKETS_PER_OCTAVE_FORM }
    }
    default:
      return definition
  }
}
