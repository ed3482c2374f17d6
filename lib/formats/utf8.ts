import { isUtf8 } from 'node:buffer'
import { FormatError } from '../stream/format.ts'

/** Throws a FormatError unless `bytes` are UTF-8 from end to end: a replacement character would change the record. */
export function requireUtf8(bytes: Buffer): void {
  if (!isUtf8(bytes)) throw new FormatError(`expected UTF-8 text, found ${bytes.length} bytes that are not`)
}

/** Where the text starts: after a byte order mark, as some programs put before the first line of a file. */
export function textStart(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}
