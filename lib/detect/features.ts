import type { Value } from '../stream/value.ts'

/** The fields a forest reads. */
export interface Features {
  /** Numbers of any size: counts, bytes, durations. Booleans are 0 and 1. */
  readonly numeric: readonly string[]
  /** Numbers from 0 to 1. */
  readonly rates: readonly string[]
  readonly categorical: readonly string[]
}

/** Numbers first (`numeric`, then `rates`), then categories: the order in which everything here keeps them. */
export function namesOf({ numeric, rates, categorical }: Features): readonly string[] {
  return [...numeric, ...rates, ...categorical]
}

/** The field as a number; a boolean is 0 or 1; NaN where it is missing or no finite number. */
export function numberOf(value: Value, name: string): number {
  const field = value[name]
  if (typeof field === 'number') return Number.isFinite(field) ? field : Number.NaN
  if (typeof field === 'boolean') return field ? 1 : 0
  return Number.NaN
}

/** The field as a category; null where it is missing. Missing is a category of its own. */
export function categoryOf(value: Value, name: string): string | null {
  const field = value[name]
  if (typeof field === 'string') return field
  return typeof field === 'number' || typeof field === 'boolean' ? String(field) : null
}
