/** A whole number from 0 up as 16 digits, so that sort keys order as the numbers do. Throws a RangeError on others. */
export function padded(n: number): string {
  if (!Number.isSafeInteger(n) || n < 0)
    throw new RangeError(`a sort key takes a whole number from 0 up, got ${n}`)
  return String(n).padStart(16, '0')
}
