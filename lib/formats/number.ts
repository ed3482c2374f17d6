const GRAMMAR = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * The number a text stands for: decimal digits with an optional sign, point and exponent, nothing around them.
 * NaN for anything else, and for what a double cannot hold (1e999).
 */
export function strictNumber(text: string): number {
  if (!GRAMMAR.test(text)) return Number.NaN
  const value = Number(text)
  return Number.isFinite(value) ? value : Number.NaN
}

/** Digits that a double holds exactly whatever they are. */
const DIGITS_MAX = 15
const ZERO = 0x30
const POINT = 0x2e
const POWERS = Float64Array.from({ length: DIGITS_MAX + 1 }, (_, i) => 10 ** i)

/** Where the last `scanNumber` stopped. Beside the value it returned, because a pair would be allocated per field. */
export const scanned = { at: 0 }

/**
 * The plain number (`181`, `0.25`: digits and at most one point) at the start of `bytes[at, end)`, and in `scanned.at` where it stops.
 * NaN where there is none or it has more than 15 digits: `strictNumber` decides then. Digits and power of ten are both
 * exact doubles, so their quotient is the correctly rounded value, as `Number` gives it (Clinger 1990, fast path).
 */
export function scanNumber(bytes: Uint8Array, at: number, end: number): number {
  const start = at
  let value = 0
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  let digits = at - start
  if (at < end && bytes[at] === POINT && digits > 0) {
    const fraction = ++at
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    digits += at - fraction
    if (digits <= DIGITS_MAX) value /= POWERS[at - fraction] as number
  }
  scanned.at = at
  return digits === 0 || digits > DIGITS_MAX ? Number.NaN : value
}
