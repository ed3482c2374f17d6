import { readUnified2Header, UNIFIED2_HEADER_BYTES, unified2EventId } from './unified2.ts'

/** An event with its packets is at most as large as this; what is more becomes a record of its own. */
export const UNIFIED2_JOINED_BYTES_MAX = 512 * 1024 + UNIFIED2_HEADER_BYTES

/** What `cutUnified2` found in some bytes of a spool. */
export interface Unified2Cut {
  /** [start, end) of each event that is complete: another one begins after it. */
  readonly bounds: readonly number[]
  /** Where the last event begins, to which more may come; `parsedTo` where there is none. */
  readonly openFrom: number
  /** Up to here the bytes are whole records. */
  readonly parsedTo: number
  /** What is wrong with the header at `parsedTo`; undefined where it is whole or not there yet. */
  readonly corrupt: string | undefined
}

/**
 * Cuts the bytes of a spool into events: an event record and the packets and extra data of the same event that follow it,
 * as Snort writes them. Packets of another event than the last begin a record of their own.
 */
export function cutUnified2(bytes: Buffer): Unified2Cut {
  const bounds: number[] = []
  let openFrom = 0
  let openKey: string | undefined
  let at = 0
  let corrupt: string | undefined
  for (;;) {
    const next = recordAt(bytes, at)
    if (next === undefined) break
    if ('corrupt' in next) {
      corrupt = next.corrupt
      break
    }
    const { end, key, begins } = next
    // A record without an event id goes with the event before it.
    const starts =
      begins || (key !== undefined && key !== openKey) || end - openFrom > UNIFIED2_JOINED_BYTES_MAX
    if (starts && at > openFrom) {
      bounds.push(openFrom, at)
      openFrom = at
    }
    openKey = starts ? key : (openKey ?? key)
    at = end
  }
  return { bounds, openFrom, parsedTo: at, corrupt }
}

type Found =
  | { readonly end: number; readonly key: string | undefined; readonly begins: boolean }
  | { readonly corrupt: string }

/** The record at `at`; undefined where it is not all there. */
function recordAt(bytes: Buffer, at: number): Found | undefined {
  try {
    const header = readUnified2Header(bytes, at)
    if (header === undefined) return undefined
    const start = at + UNIFIED2_HEADER_BYTES
    const end = start + header.bodyBytes
    if (end > bytes.length) return undefined
    const id = unified2EventId(header.type, bytes.subarray(start, end))
    if (id === undefined) return { end, key: undefined, begins: false }
    const { sensor_id, event_id, event_second, begins } = id
    return { end, key: `${sensor_id} ${event_id} ${event_second}`, begins }
  } catch (error) {
    return { corrupt: error instanceof Error ? error.message : String(error) }
  }
}
