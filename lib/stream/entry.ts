import type { Reason, Severity } from './detector.ts'
import type { Value } from './value.ts'

/**
 * What `score` decided about one raw record: the record envelope, and the value of an enriched topic as JSON text.
 * There is exactly one decision per raw record, the first that lies in the enriched partition; later ones for the same
 * origin are ignored by every reader (docs/exactness.md, rule 4).
 */
export type Entry = OkEntry | DropEntry | DeadEntry

interface EntryHead {
  readonly site: string
  /** Raw topic, partition and offset: with the site, the record's origin. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** When the raw log took the record, by the log's clock, ms since 1970. */
  readonly appendTime: number
  /** When it happened, by the record itself; the append time where the record does not say. */
  readonly eventTime: number
}

export interface OkEntry extends EntryHead {
  readonly outcome: 'ok'
  /** Present when a model scored it. */
  readonly score?: number
  readonly threshold?: number
  readonly model?: string
  /** Present when the score is an alert. */
  readonly severity?: Severity
  readonly reasons?: readonly Reason[]
  /** The validated record with the enriched fields added. */
  readonly value: Value
}

/** A valid record that a rule of the stream takes out of views and alerts; the master keeps it. */
export interface DropEntry extends EntryHead {
  readonly outcome: 'drop'
  readonly rule: string
  readonly value: Value
}

/** A record that could not be read, checked or processed: a dead letter. */
export interface DeadEntry extends EntryHead {
  readonly outcome: 'dead'
  readonly stage: 'parse' | 'validate' | 'enrich' | 'score' | 'guard' | 'size'
  readonly reason: string
  /** The original bytes in base64, or where they lie. */
  readonly raw: string | RawPointer
}

/** Where the bytes of a record too large for the log lie in the object store. */
export interface RawPointer {
  readonly key: string
  readonly sizeBytes: number
  readonly sha256: string
}

/** Name of the header that marks a raw record whose value is a RawPointer as JSON instead of the record's bytes. */
export const POINTER_HEADER = 'weir-pointer'

/** The entry as JSON text. The head comes first so that `entryOrigin` needs no more than the start of the text. */
export function writeEntry(entry: Entry): string {
  return JSON.stringify(entry)
}

/** The entry of a text that `writeEntry` made. Throws a SyntaxError on anything that is not JSON. */
export function readEntry(text: string): Entry {
  return JSON.parse(text) as Entry
}
