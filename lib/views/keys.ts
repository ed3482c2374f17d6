import type { ViewDefinition } from '../stream/view-definition.ts'
import { keyPart, SEPARATOR } from './key.ts'

/** Keys that one record feeds at most: two long arrays have more pairs than any board could hold. */
export const RECORD_KEYS_MAX = 10_000

const NONE: readonly string[] = []

/**
 * Keys of a record, given its values of the groupBy fields in their order: none where one of them has no part. Of more
 * than `RECORD_KEYS_MAX` the first, in the order of the fields and of their elements.
 */
export function keysOfFields(values: readonly unknown[], repeats = false): readonly string[] {
  let keys = partsOf(values[0], repeats)
  for (let f = 1; f < values.length; f++) keys = pairs(keys, partsOf(values[f], repeats))
  return keys.length > RECORD_KEYS_MAX ? keys.slice(0, RECORD_KEYS_MAX) : keys
}

/** What a value gives to a key: its text, or that of each distinct element; with `repeats`, of each element. */
export function partsOf(value: unknown, repeats = false): readonly string[] {
  if (typeof value === 'string') return [keyPart(value)]
  if (Array.isArray(value)) {
    const parts = value.flatMap((element) => partsOf(element, repeats))
    return repeats ? parts : [...new Set(parts)]
  }
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)]
  return NONE
}

/** Whether the view takes only entries that passed: it does not ask for the outcome. */
export function onlyOk({ where = [], groupBy }: ViewDefinition): boolean {
  return !groupBy.includes('@outcome') && !where.some(({ field }) => field === '@outcome')
}

function pairs(keys: readonly string[], parts: readonly string[]): readonly string[] {
  const all: string[] = []
  for (const key of keys) {
    for (const part of parts) all.push(key + SEPARATOR + part)
    if (all.length > RECORD_KEYS_MAX) break
  }
  return all
}
