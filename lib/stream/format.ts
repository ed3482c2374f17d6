import type { Column } from './columns.ts'

/** How the bytes of a raw record become fields. Formats live in lib/formats; a stream names one. */
export interface Format {
  readonly name: string
  /** Called once per stream with the columns of its schema, so that parsing can be specialised to them. */
  compile(columns: readonly Column[]): Parse
}

/** Fields of one raw record, not yet validated. Throws a FormatError that says what was expected and what was found. */
export type Parse = (bytes: Buffer) => unknown

/** Bytes that are not a record of the format. Its message goes into the dead letter: it quotes no record text. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
}
