import type { Severity } from './detector.ts'

/**
 * Something that no single record shows, found in the boards of the stream's own views: `count` judges each key after it has
 * written a batch's boards (docs/decisions/patterns-from-boards.md). Data, as views are.
 *
 * The views' keys must hold every field that the stream's key reads, so that one partition sees all of a key.
 */
export type PatternDefinition = ThresholdPattern | SequencePattern

interface Common {
  /** One or two words for people: "Port scan". */
  readonly title: string
  readonly severity: Severity
  /** Alerts of patterns of one group and key are one incident. Default: the pattern's own name. */
  readonly group?: string
}

/**
 * A key's count, or distinct count, over `windowMs` reaches `limit`. The window slides by the view's slot: it is any
 * `windowMs / slotMs` slots in a row the last of which holds the key.
 */
export interface ThresholdPattern extends Common {
  readonly kind: 'threshold'
  readonly view: string
  /** A `count` or `distinct` of the view. Its name stands in the alert's text: "120 ports in 5 minutes". */
  readonly aggregate: string
  /** From this number on it is an alert. */
  readonly limit: number
  /** A multiple of the view's slot; at most an hour. */
  readonly windowMs: number
}

/**
 * A record in the view `first`, then one in the view `next`, of the same key and at most `windowMs` of event time later (or at
 * the same millisecond). Exact to the millisecond, whatever the slots: both views have a min and a max of `@eventTime`.
 */
export interface SequencePattern extends Common {
  readonly kind: 'sequence'
  readonly first: string
  readonly next: string
  /** At least the views' slot; at most an hour. */
  readonly windowMs: number
}

/** The names of the views that a pattern reads. */
export function viewsOfPattern(pattern: PatternDefinition): readonly string[] {
  return pattern.kind === 'threshold' ? [pattern.view] : [pattern.first, pattern.next]
}

/** Name of the aggregate that keeps the least or greatest event time; undefined where the view has none. */
export function eventTimeAggregate(
  { aggregates }: { readonly aggregates: Readonly<Record<string, { readonly kind: string }>> },
  kind: 'min' | 'max',
): string | undefined {
  const found = Object.entries(aggregates).find(
    ([, one]) => one.kind === kind && 'field' in one && one.field === '@eventTime',
  )
  return found?.[0]
}
