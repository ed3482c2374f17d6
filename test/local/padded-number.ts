/** A number with so much behind it, all made of it, that half of a write would show. */
export function paddedNumber(value: number): Buffer {
  return Buffer.from(`${value} `.repeat(2000))
}

/** The number of `paddedNumber`'s bytes. Throws where they are not what it makes. */
export function unpaddedNumber(bytes: Uint8Array): number {
  const value = Number.parseInt(Buffer.from(bytes).toString(), 10)
  if (!paddedNumber(value).equals(bytes))
    throw new Error(`not a padded number: ${bytes.length} bytes of ${value}`)
  return value
}
