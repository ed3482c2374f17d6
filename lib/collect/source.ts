import type { Block } from './block.ts'
import type { LargeSink } from './large-record.ts'

/** Where records come from: a file, standard input, a generator. */
export interface Source {
  /** How people and messages call it. */
  readonly name: string
  /** True where reading again gives the same records at the same positions, so that a stopped run can go on. */
  readonly repeatable: boolean
  /** Bytes that `onBytes` will have counted at its end; undefined where nobody knows. */
  readonly sizeBytes: number | undefined
  /** What must stay as it is for positions to mean the same records. Undefined for what is not a file. */
  fingerprint?(): Promise<SourceFingerprint>
  /** The records from the first on, in blocks, positions counted from 0. */
  read(options: ReadOptions): AsyncIterable<Block>
}

export interface ReadOptions {
  /** How often the source was read before in this run: 0 unless it loops. */
  readonly pass: number
  /** Takes the record at `position`, too large for the log. */
  readonly large: (position: number) => LargeSink
  readonly onBytes?: (bytes: number) => void
  readonly signal?: AbortSignal
  /** Told things worth knowing that are no errors. */
  readonly notice?: (message: string) => void
}

/** A file may grow while a run is stopped, but what was there must stay. */
export interface SourceFingerprint {
  readonly sizeBytes: number
  readonly headBytes: number
  /** Of the first `headBytes` bytes. */
  readonly headSha256: string
}
