import type { Column } from './columns.ts'

/** How the bytes of a raw record become fields. Formats live in lib/formats; a stream names one. */
export interface Format {
  readonly name: string
  /** How a file or a connection is cut into raw records. Default `lines`. */
  readonly framing?: Framing
  /** Called once per stream with the columns of its schema, so that parsing can be specialised to them. */
  compile(columns: readonly Column[]): Parse
}

/**
 * `lines`: each line is a record. `csv`: a record goes on over line ends that stand in quotes. `csv-or-json`: that, but a
 * record that begins with `{` is a line.
 */
export type Framing = 'lines' | 'csv' | 'csv-or-json'

/**
 * Fields of one raw record, not yet validated. Throws a FormatError that says what was expected and what was found, or a
 * NoRecord.
 */
export type Parse = (bytes: Buffer) => unknown

/** Bytes that are not a record of the format. Its message goes into the dead letter: it quotes no record text. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
}

/**
 * Bytes that belong to the format and hold no record, as the header line of a CSV file does. They are kept as a dropped
 * entry, and the message is its rule.
 */
export class NoRecord extends Error {
  override readonly name = 'NoRecord'
}
