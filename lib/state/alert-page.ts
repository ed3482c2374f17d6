import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Alert } from '../stream/alert.ts'

/** What stands at the head of a page: enough to count and to search by time without unpacking it. */
export interface PageHead {
  /** Alerts in the page, never 0. */
  readonly count: number
  /** Alerts in the log up to and including this page. */
  readonly total: number
  /** When it was stored, by the clock of the function that did. */
  readonly storedMs: number
  /** Where the packed alerts lie; absent where they follow the head. */
  readonly objectKey?: string
}

/** A page's bytes in the keyed store: the head as a line of JSON, then the packed alerts unless they are an object. */
export function encodePage(head: PageHead, packed: Uint8Array): Uint8Array {
  const line = Buffer.from(`${JSON.stringify(head)}\n`)
  return head.objectKey === undefined ? Buffer.concat([line, packed]) : line
}

/** The parts of a page's bytes. Throws on bytes that `encodePage` did not make. */
export function decodePage(bytes: Uint8Array): { readonly head: PageHead; readonly packed: Uint8Array } {
  const end = bytes.indexOf(10)
  if (end < 0) throw new Error(`not a page of an alert log: no head in its ${bytes.length} bytes`)
  const head = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString()) as PageHead
  return { head, packed: bytes.subarray(end + 1) }
}

/** Alerts as they are stored, and the bytes of their JSON before packing: what they weigh in memory, about. */
export interface PackedAlerts {
  readonly packed: Uint8Array
  readonly sizeBytes: number
}

export function packAlerts(alerts: readonly Alert[]): PackedAlerts {
  const json = Buffer.from(JSON.stringify(alerts))
  return { packed: zstdCompressSync(json), sizeBytes: json.length }
}

export function unpackAlerts(packed: Uint8Array): { alerts: readonly Alert[]; sizeBytes: number } {
  const json = zstdDecompressSync(packed)
  return { alerts: JSON.parse(json.toString()) as Alert[], sizeBytes: json.length }
}
