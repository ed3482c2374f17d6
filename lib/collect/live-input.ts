import type { Block } from './block.ts'
import type { LargeSink } from './large-record.ts'
import type { Place } from './place.ts'

/** Where a source is to be gone on from, as its input keeps it: JSON. */
export type Resume = Readonly<Record<string, unknown>>

/** What else there is to know of a source, such as the file it is: JSON. */
export type Detail = Readonly<Record<string, unknown>>

/**
 * Something that gives records for as long as it is asked: files that grow, a listener, a connection. Several are read
 * side by side. An input has any number of sources, each with positions of its own (a file has a new source each time it
 * is truncated), and learns at its start what became of those of earlier processes.
 */
export interface LiveInput {
  /** How people and messages call it. */
  readonly name: string
  /** Ends soon after `signal` aborts, having given what it had taken in by then. */
  read(session: InputSession): AsyncIterable<LiveBlock>
}

/** A source as an input left it: what is before `resume` has landed. */
export interface KnownSource {
  readonly source: number
  readonly detail: Detail
  readonly resume: Resume
}

export interface LiveBlock {
  readonly source: number
  readonly block: Block
  /** Where to go on once the block, and all before it, has landed. */
  readonly resume: Resume
  /** Positions less than this apart go to one partition where there is no key; always the same for a source. */
  readonly stride: number
}

export interface InputSession {
  readonly signal: AbortSignal
  /** This input's sources of earlier processes of the run, in the order in which they were made. */
  readonly known: readonly KnownSource[]
  /** A new source, kept before this resolves. */
  create(detail: Detail, resume: Resume): Promise<number>
  /** Keeps another detail of a source, before this resolves: for what must be known before a record lands. */
  describe(source: number, detail: Detail): Promise<void>
  /** Where a source is gone on from, as it is kept: what is before it has landed and is never read again. */
  kept(source: number): Resume | undefined
  /** Forgets a source that will never be read again, once what it gave has landed. */
  forget(source: number): void
  /** Takes the record at `place`, too large for the log. */
  large(place: Place): LargeSink
  /** Something worth knowing that is no error. */
  notice(message: string): void
}
