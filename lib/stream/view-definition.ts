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
  /** Length of a slot of event time in milliseconds: 10 seconds to 1 day, a divisor of the day. */
  readonly slotMs: number
  /** By the name it has in an answer. */
  readonly aggregates: Readonly<Record<string, AggregateDefinition>>
}

export interface FieldCondition {
  readonly field: string
  readonly in: readonly (string | number | boolean)[]
}

export type AggregateDefinition =
  | { readonly kind: 'count' }
  /** Sums and means are exact: `decimals` places are kept (default 0) as scaled integers. */
  | { readonly kind: 'sum' | 'mean'; readonly field: string; readonly decimals?: number }
  | { readonly kind: 'min' | 'max'; readonly field: string }
