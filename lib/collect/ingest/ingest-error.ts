import type { INGEST_ERROR_CODES } from './schemas.ts'

/** One record that the stream cannot read. The reason quotes field names and expectations, never the record. */
export interface InvalidRecord {
  /** Number of the record in the request, from 0; empty lines are none. */
  readonly record: number
  readonly stage: 'parse' | 'validate'
  readonly reason: string
}

export type IngestErrorCode = (typeof INGEST_ERROR_CODES)[number]

const STATUS: Readonly<Record<IngestErrorCode, number>> = {
  BAD_REQUEST: 400,
  NO_SUCH_STREAM: 404,
  METHOD_NOT_ALLOWED: 405,
  IN_PROGRESS: 409,
  UNKNOWN_OUTCOME: 409,
  TOO_LARGE: 413,
  INVALID_RECORDS: 422,
  KEY_REUSED: 422,
  UNAVAILABLE: 503,
}

/** Why a request was not taken. */
export class IngestError extends Error {
  override readonly name = 'IngestError'
  readonly code: IngestErrorCode
  readonly invalid: readonly InvalidRecord[]

  constructor(code: IngestErrorCode, message: string, invalid: readonly InvalidRecord[] = []) {
    super(message)
    this.code = code
    this.invalid = invalid
  }

  get status(): number {
    return STATUS[this.code]
  }
}
