import type { Header } from '../stream/record-batch.ts'
import type { Place } from './place.ts'

/** Name of the header on the last record of every batch that a collector appends. Its value is a SourceMark as JSON. */
export const SOURCE_HEADER = 'weir-source'

/**
 * What a collector leaves in the log (docs/exactness.md, rule 12): all records of the run up to and including `position`
 * of `source` that belong to this partition have landed. Appends are atomic, so the mark lands with the last of them.
 */
export interface SourceMark extends Place {
  readonly run: string
  /** Records of the run in this batch, of which the one with the mark is the last. */
  readonly records: number
  /**
   * Of a run that reads its sources side by side: the same is true of these places, one for each other source with a
   * record in the batch; nothing is said of any other source. Absent where sources are read one after the other.
   */
  readonly also?: readonly Place[]
}

export function markHeader(mark: SourceMark): Header {
  const { run, source, position, nth, records, also } = mark
  return {
    name: SOURCE_HEADER,
    value: Buffer.from(JSON.stringify({ run, source, position, nth, records, also })),
  }
}

/** The mark among a record's headers; undefined where there is none or it is not one of ours. */
export function readMark(headers: readonly Header[]): SourceMark | undefined {
  const header = headers.find(({ name }) => name === SOURCE_HEADER)
  if (header === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(header.value).toString()) as SourceMark
  } catch {
    return undefined
  }
}
