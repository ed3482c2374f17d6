/** Checks of stored states: what another release, or a hand, has written must not become a wrong answer. */

/** Throws a TypeError on what is no count. */
export function wholeNumber(json: unknown): number {
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0)
    throw new TypeError(`expected a count, got ${typeof json}`)
  return json
}

/** Throws a TypeError on what is no array of that length. */
export function arrayOf(json: unknown, length: number, what: string): readonly unknown[] {
  if (!Array.isArray(json) || json.length !== length)
    throw new TypeError(`${what} is an array of ${length} parts`)
  return json
}

/** Null or a finite number. Throws a TypeError on anything else. */
export function finiteOrNull(json: unknown, what: string): number | null {
  if (json === null || (typeof json === 'number' && Number.isFinite(json))) return json
  throw new TypeError(`${what} is a number or null`)
}
