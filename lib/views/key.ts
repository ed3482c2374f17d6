import { createHash } from 'node:crypto'

/** Between the parts of a key of several fields. U+001F, the unit separator, is taken out of the parts. */
export const SEPARATOR = '\u001f'

/** A part of a key that is longer in UTF-8 is cut. */
export const PART_BYTES_MAX = 256
/** What stays of it: with the tail it is over `PART_BYTES_MAX`, so no part that was not cut can be the same text. */
const HEAD_BYTES = 240
/** A UTF-16 unit is at most three bytes of UTF-8. */
const SURELY_SHORT = Math.floor(PART_BYTES_MAX / 3)

/**
 * A field's text as it stands in a key: without U+001F and lone surrogates, which the master could not give back. Text
 * over 256 bytes is its first 240 or a little less, `…#`, and 32 hex digits of the SHA-256 of it all: as readable
 * and as distinct as before, in a key that no record can make as large as itself.
 */
export function keyPart(text: string): string {
  const clean = (text.includes(SEPARATOR) ? text.replaceAll(SEPARATOR, ' ') : text).toWellFormed()
  if (clean.length <= SURELY_SHORT) return clean
  const bytes = Buffer.from(clean)
  if (bytes.length <= PART_BYTES_MAX) return clean
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  return `${bytes.toString('utf8', 0, wholeCharacters(bytes, HEAD_BYTES))}…#${digest}`
}

/** A key as people read and write it: parts joined by `|`. */
export function displayKey(key: string): string {
  return key.replaceAll(SEPARATOR, '|')
}

/** The greatest length up to `max` that does not cut a character: continuation bytes of UTF-8 are 10xxxxxx. */
function wholeCharacters(bytes: Uint8Array, max: number): number {
  let end = max
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}
