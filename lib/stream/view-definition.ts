/**
 * A view of a stream, declared once for the speed layer, the batch layer and queries. It is data, not code, so that its
 * version, a hash of it, is the same on every machine and after every bundler.
 */
export interface ViewDefinition {
  readonly title: string
  /** A record is in the view when all of these hold; of its `ok` entries, unless a condition or key names `@outcome`. */
  readonly where?: readonly FieldCondition[]
  /**
   * Fields whose values make the key. A field holding an array feeds one key per distinct element. A record without one of the fields is
   * not in the view. `@outcome` and `@severity` are the entry's own.
   */
  readonly groupBy: readonly string[]
  /** An array feeds a key as often as it holds the element: uses are counted, not records. */
  readonly repeats?: true
  /** Length of a slot of event time in milliseconds: 10 seconds to 1 day, a divisor of the day. */
  readonly slotMs: number
  /** By the name it has in an answer. */
  readonly aggregates: Readonly<Record<string, AggregateDefinition>>
  /**
   * Slots that ended this many days ago are no longer served and may be deleted; the master keeps their records. Absent:
   * kept for ever. No part of the version: another value changes no slot.
   */
  readonly retentionDays?: number
}

export interface FieldCondition {
  readonly field: string
  readonly in: readonly (string | number | boolean)[]
}

/**
 * `@eventTime`, ms since 1970, may be the field of a min or max: when a key was first and last seen.
 * A record without an aggregate's field leaves the aggregate as it is. `View.errors` says how exact each one is.
 */
export type AggregateDefinition =
  | { readonly kind: 'count' }
  /** Sums and means are exact: `decimals` places are kept (default 0) as scaled integers. */
  | { readonly kind: 'sum' | 'mean'; readonly field: string; readonly decimals?: number }
  | { readonly kind: 'min' | 'max'; readonly field: string }
  /** The share of the key's records for which all conditions hold, 0 to 1. Exact. */
  | { readonly kind: 'share'; readonly where: readonly FieldCondition[] }
  /** The sum of `field` over the sum of `by`, of the records that have both. Exact integers, as `sum`. */
  | { readonly kind: 'ratio'; readonly field: string; readonly by: string; readonly decimals?: number }
  /**
   * How many different values: text, numbers, booleans, or elements of arrays. HyperLogLog with 2^precision registers
   * (8 to 16, default 12); the standard error is 1.04 / sqrt(2^precision): 1.6 % by default. Some hundreds are exact.
   */
  | { readonly kind: 'distinct'; readonly field: string; readonly precision?: number }
  /**
   * The `k` most frequent values (default 10; no part of the version). Exact up to `capacity` different values of a key
   * in what is merged (default 1000); beyond, counts come with an error.
   */
  | { readonly kind: 'top'; readonly field: string; readonly k?: number; readonly capacity?: number }
  /** Quantiles at these ranks, 0 to 1 (no part of the version), each within `accuracy` (default 0.01) of a true value. */
  | {
      readonly kind: 'quantile'
      readonly field: string
      readonly at: readonly number[]
      readonly accuracy?: number
    }
  /** How many values lie in each of (-inf, b0], (b0, b1], ..., (bn, inf). Exact. */
  | { readonly kind: 'histogram'; readonly field: string; readonly bounds: readonly number[] }

/** Fields of records that a view reads, each once; not the entry's own, such as `@outcome`. */
export function fieldsOfView({ where = [], groupBy, aggregates }: ViewDefinition): readonly string[] {
  const all = [
    ...groupBy,
    ...where.map(({ field }) => field),
    ...Object.values(aggregates).flatMap(fieldsOfAggregate),
  ]
  return [...new Set(all)].filter((field) => !field.startsWith('@'))
}

/** In the order in which the aggregate takes their cells. */
export function fieldsOfAggregate(definition: AggregateDefinition): readonly string[] {
  switch (definition.kind) {
    case 'count':
      return []
    case 'share':
      return definition.where.map(({ field }) => field)
    case 'ratio':
      return [definition.field, definition.by]
    default:
      return [definition.field]
  }
}
