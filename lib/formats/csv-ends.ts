import { textStart } from './utf8.ts'

export interface CsvEndsOptions {
  /** A longer record with line ends in its quotes is taken for a quote that is never closed. */
  readonly maxBytes: number
  /** No more bytes will come: a quote that is open stays open. The last byte is a line end. */
  readonly final: boolean
  /** Records that begin with `{` are JSON, and end with their line. */
  readonly orJson: boolean
}

const QUOTE = 0x22
const COMMA = 0x2c
const BRACE = 0x7b
const LF = 0x0a
const CR = 0x0d

/**
 * Where the records of CSV text end that begins with a record: indexes of line ends outside of quotes (RFC 4180). A quote
 * opens a field only where the field begins, and closes it only before a comma or a line end.
 *
 * Where quotes are wrong (text follows the closing one, or none comes), the record is its first line alone, and the next
 * line begins another: one bad record becomes one dead letter and takes no other with it. The same bytes are cut in the
 * same way however they come in pieces.
 */
export function csvEnds(bytes: Buffer, options: CsvEndsOptions): number[] {
  const ends: number[] = []
  let quote = bytes.indexOf(QUOTE)
  for (let start = 0; start < bytes.length; ) {
    const line = bytes.indexOf(LF, start)
    if (line < 0) break
    if (quote >= 0 && quote < start) quote = bytes.indexOf(QUOTE, start)
    const plain =
      quote < 0 || quote > line || (options.orJson && bytes[start + textStartAt(bytes, start)] === BRACE)
    const end = plain ? line : quotedEnd(bytes, start, line, options)
    if (end < 0) break
    ends.push(end)
    start = end + 1
  }
  return ends
}

function textStartAt(bytes: Buffer, start: number): number {
  return textStart(bytes.subarray(start, start + 3))
}

/** The end of the record at `start`, whose first line ends at `line`; -1 while that cannot be known. */
function quotedEnd(bytes: Buffer, start: number, line: number, options: CsvEndsOptions): number {
  const { maxBytes, final } = options
  // One more than the limit may be the CR of a line end.
  const open = () => (final || bytes.length - start > maxBytes + 1 ? line : -1)
  for (let at = start + textStartAt(bytes, start); ; at++) {
    if (bytes[at] === QUOTE) {
      at = afterQuoted(bytes, at)
      if (at < 0 || at >= bytes.length) return open()
      if (bytes[at] === CR) {
        if (at + 1 === bytes.length) return open()
        at++
        if (bytes[at] !== LF) return line
      }
      if (bytes[at] !== COMMA && bytes[at] !== LF) return line
    } else while (at < bytes.length && bytes[at] !== COMMA && bytes[at] !== LF) at++
    if (at >= bytes.length) return open()
    if (bytes[at] === LF) return at === line || lengthOf(bytes, start, at) <= maxBytes ? at : line
  }
}

/** The byte after the quote that closes the one at `at`; -1 where none does. */
function afterQuoted(bytes: Buffer, at: number): number {
  for (let close = bytes.indexOf(QUOTE, at + 1); close >= 0; close = bytes.indexOf(QUOTE, close + 2))
    if (bytes[close + 1] !== QUOTE) return close + 1
  return -1
}

function lengthOf(bytes: Buffer, start: number, end: number): number {
  return (bytes[end - 1] === CR ? end - 1 : end) - start
}
