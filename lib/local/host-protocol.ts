import { PortError, type PortErrorCode } from '../ports/errors.ts'
import type { StoredBatch } from '../ports/event-log.ts'
import type { BatchFigures } from '../ports/metrics.ts'
import { RecordBatch } from '../stream/record-batch.ts'

/** The first message of a host on a connection. */
export interface Hello {
  readonly protocol: typeof PROTOCOL
  readonly maxBatchBytes: number
  readonly maxFrameBytes: number
}

export const PROTOCOL = 2

/** What a worker asks for. A batch's bytes and a frame's text are the message's body. */
export type Request =
  | { readonly op: 'createTopic' | 'addPartitions'; readonly topic: string; readonly partitions: number }
  | { readonly op: 'describeTopic'; readonly topic: string }
  | { readonly op: 'append'; readonly topic: string; readonly partition: number; readonly count: number }
  /** Resolves with a number by which this connection appends as the fenced. */
  | { readonly op: 'fence'; readonly name: string; readonly topic: string }
  | {
      readonly op: 'appendFenced'
      readonly fence: number
      readonly partition: number
      readonly count: number
    }
  | {
      readonly op: 'read'
      readonly topic: string
      readonly partition: number
      readonly fromOffset: number
      readonly maxBytes: number
    }
  | { readonly op: 'offsets'; readonly topic: string; readonly partition: number }
  | { readonly op: 'send'; readonly connectionId: string }
  /** Has no reply. */
  | { readonly op: 'record'; readonly figures: BatchFigures }

export type Reply =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly error: WireError }

export interface WireError {
  readonly name: string
  readonly message: string
  readonly code?: PortErrorCode
  readonly curable?: boolean
}

/** What a reply to `read` says of its batches; their bytes are the body, one after the other. */
export interface BatchHead {
  readonly baseOffset: number
  readonly appendTimeMs: number
  readonly count: number
  readonly sizeBytes: number
}

export function headOf({ baseOffset, appendTimeMs, records }: StoredBatch): BatchHead {
  return { baseOffset, appendTimeMs, count: records.count, sizeBytes: records.bytes.length }
}

export function batchesOf(heads: readonly BatchHead[], body: Buffer): StoredBatch[] {
  let at = 0
  return heads.map(({ baseOffset, appendTimeMs, count, sizeBytes }) => {
    const bytes = body.subarray(at, at + sizeBytes)
    at += sizeBytes
    return { baseOffset, appendTimeMs, records: new RecordBatch(bytes, count) }
  })
}

export function toWire(error: unknown): WireError {
  if (error instanceof PortError) {
    const { name, message, code, curable } = error
    return { name, message, code, curable }
  }
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: `${error}` }
}

/** The error as the host threw it: a PortError with its code, a RangeError for a caller's mistake, or an Error. */
export function fromWire({ name, message, code, curable }: WireError): Error {
  if (code !== undefined) return new PortError(code, message, { curable: curable === true })
  return name === 'RangeError' ? new RangeError(message) : new Error(`${name} in the host: ${message}`)
}
