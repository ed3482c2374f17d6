import type { Value } from '../stream/value.ts'
import type { AggregateDefinition } from '../stream/view-definition.ts'
import { addExact, type Exact, exactFromJson, exactToJson, scaleToInteger } from './exact.ts'

/**
 * A commutative monoid with a serial form. For every a, b, c: merge(a, b) = merge(b, a),
 * merge(a, merge(b, c)) = merge(merge(a, b), c), merge(empty, a) = a, fromJson(toJson(a)) = a, and adding values one by
 * one gives the same as merging parts of them in any order. test/views holds every aggregate to these laws.
 */
export interface Aggregate<S> {
  readonly empty: S
  /** The state with one more record in it. A record without the field leaves it as it is. */
  add(state: S, value: Value): S
  merge(a: S, b: S): S
  toJson(state: S): unknown
  /** Throws a TypeError on what no `toJson` made. */
  fromJson(json: unknown): S
  /** For people and answers: a number, or decimal text where a number could not hold it exactly; null for no records. */
  answer(state: S): number | string | null
}

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
      return sum(definition.field, definition.decimals ?? 0)
    case 'mean':
      return mean(definition.field, definition.decimals ?? 0)
    case 'min':
      return extreme(definition.field, (a, b) => a < b)
    case 'max':
      return extreme(definition.field, (a, b) => a > b)
  }
}

const count: Aggregate<number> = {
  empty: 0,
  add: (state) => state + 1,
  merge: (a, b) => a + b,
  toJson: (state) => state,
  fromJson: (json) => wholeNumber(json),
  answer: (state) => state,
}

function sum(field: string, decimals: number): Aggregate<Exact> {
  return {
    empty: 0,
    add: (state, value) => {
      const x = value[field]
      return typeof x === 'number' ? addExact(state, scaleToInteger(x, decimals)) : state
    },
    merge: addExact,
    toJson: exactToJson,
    fromJson: exactFromJson,
    answer: (state) => descale(state, decimals),
  }
}

interface MeanState {
  readonly sum: Exact
  readonly count: number
}

function mean(field: string, decimals: number): Aggregate<MeanState> {
  return {
    empty: { sum: 0, count: 0 },
    add: (state, value) => {
      const x = value[field]
      if (typeof x !== 'number') return state
      return { sum: addExact(state.sum, scaleToInteger(x, decimals)), count: state.count + 1 }
    },
    merge: (a, b) => ({ sum: addExact(a.sum, b.sum), count: a.count + b.count }),
    toJson: (state) => [exactToJson(state.sum), state.count],
    fromJson: (json) => {
      if (!Array.isArray(json) || json.length !== 2) throw new TypeError('a mean is [sum, count]')
      return { sum: exactFromJson(json[0]), count: wholeNumber(json[1]) }
    },
    answer: (state) => (state.count === 0 ? null : Number(state.sum) / state.count / 10 ** decimals),
  }
}

function extreme(field: string, better: (a: number, b: number) => boolean): Aggregate<number | null> {
  const pick = (a: number | null, b: number | null) => (b === null || (a !== null && !better(b, a)) ? a : b)
  return {
    empty: null,
    add: (state, value) => {
      const x = value[field]
      return typeof x === 'number' && Number.isFinite(x) ? pick(state, x) : state
    },
    merge: pick,
    toJson: (state) => state,
    fromJson: (json) => {
      if (json !== null && typeof json !== 'number') throw new TypeError('a min or max is a number or null')
      return json
    },
    answer: (state) => state,
  }
}

function wholeNumber(json: unknown): number {
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0)
    throw new TypeError(`expected a count, got ${typeof json}`)
  return json
}

function descale(state: Exact, decimals: number): number | string {
  if (decimals === 0) return typeof state === 'number' ? state : state.toString()
  const negative = state < 0
  const digits = state
    .toString()
    .replace('-', '')
    .padStart(decimals + 1, '0')
  const text = `${negative ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
  return digits.length <= 15 ? Number(text) : text
}
