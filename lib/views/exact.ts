/**
 * Integers that never round: a number while it is safe, a bigint beyond. Float sums depend on the order of addition, and
 * two layers that add in different orders must agree to the bit.
 */
export type Exact = number | bigint

export function addExact(a: Exact, b: Exact): Exact {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  const sum = BigInt(a) + BigInt(b)
  const narrow = Number(sum)
  return Number.isSafeInteger(narrow) ? narrow : sum
}

/** `x` in units of 10^-decimals, rounded to the nearest. A value that is not finite counts as 0. */
export function scaleToInteger(x: number, decimals: number): Exact {
  const scaled = Math.round(x * 10 ** decimals)
  if (Number.isSafeInteger(scaled)) return scaled === 0 ? 0 : scaled
  return Number.isFinite(scaled) ? BigInt(scaled) : 0
}

export function exactToJson(x: Exact): number | string {
  return typeof x === 'number' ? x : x.toString()
}

/** Throws a TypeError on what `exactToJson` did not make. */
export function exactFromJson(json: unknown): Exact {
  if (typeof json === 'number' && Number.isSafeInteger(json)) return json
  if (typeof json === 'string' && /^-?\d{16,}$/.test(json)) return BigInt(json)
  throw new TypeError('expected a whole number')
}
