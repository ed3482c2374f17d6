import { gunzipSync } from 'node:zlib'
import type { RecordBlock } from '../block.ts'
import { IngestError } from './ingest-error.ts'

/** As sent, and again when decompressed. With base64 around it, what a synchronous Lambda invocation takes. */
export const BODY_BYTES_MAX = 4 * 1024 * 1024
export const RECORDS_MAX = 10_000
/** Each record as its length, an unsigned 32-bit integer, most significant byte first, and its bytes: for what may hold line ends. */
export const FRAMED = 'application/vnd.weir.records'

const LF = 0x0a
const CR = 0x0d

/** The records of a request's body as one block. Throws an IngestError. */
export function recordsOf(body: Buffer, contentType: string, contentEncoding: string): RecordBlock {
  if (body.length > BODY_BYTES_MAX) throw tooLarge(`${body.length} bytes`)
  const bytes = decoded(body, contentEncoding)
  const framed = contentType.split(';')[0]?.trim().toLowerCase() === FRAMED
  const bounds = framed ? framedBounds(bytes) : lineBounds(bytes)
  const count = bounds.length / 2
  if (count === 0) throw new IngestError('BAD_REQUEST', 'the body holds no record: send one record a line')
  if (count > RECORDS_MAX) throw tooLarge(`${count} records`)
  return { kind: 'records', bytes, bounds: Uint32Array.from(bounds), count, position: 0 }
}

function tooLarge(what: string): IngestError {
  const message = `a request is at most ${BODY_BYTES_MAX} bytes, before and after decompression, and ${RECORDS_MAX} records; this has ${what}`
  return new IngestError('TOO_LARGE', message)
}

function decoded(body: Buffer, contentEncoding: string): Buffer {
  if (contentEncoding === '' || contentEncoding === 'identity') return body
  if (contentEncoding !== 'gzip')
    throw new IngestError('BAD_REQUEST', 'the content encoding must be gzip or identity')
  try {
    return gunzipSync(body, { maxOutputLength: BODY_BYTES_MAX })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge('more when decompressed')
    throw new IngestError('BAD_REQUEST', 'the body is not gzip')
  }
}

function lineBounds(bytes: Buffer): number[] {
  const bounds: number[] = []
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(LF, start)
    const end = found < 0 ? bytes.length : found
    const stop = end > start && bytes[end - 1] === CR ? end - 1 : end
    if (stop > start) bounds.push(start, stop)
    start = end + 1
  }
  return bounds
}

function framedBounds(bytes: Buffer): number[] {
  const bounds: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const start = at + 4
    const stop = start > bytes.length ? Number.POSITIVE_INFINITY : start + bytes.readUInt32BE(at)
    if (stop > bytes.length) throw new IngestError('BAD_REQUEST', `the record at byte ${at} is cut short`)
    bounds.push(start, stop)
    at = stop
  }
  return bounds
}

/** The body that `recordsOf` reads with content type FRAMED. */
export function framedBody(records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(record.length)
      return [length, record]
    }),
  )
}
