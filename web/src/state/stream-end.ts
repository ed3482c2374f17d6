import { api } from './api.ts'
import { timeMs } from './slots.ts'
import { usePolled } from './use-query.ts'

/**
 * Where a stream's records end in event time: about now, or in the past, as those of a file that was replayed. Ranges
 * such as "the last 24 hours" end there.
 */
export type StreamEnd =
  | { readonly kind: 'loading' }
  | { readonly kind: 'none' }
  | { readonly kind: 'live' }
  | { readonly kind: 'past'; readonly startMs: number; readonly endMs: number }
  | { readonly kind: 'unknown'; readonly problem: string }

const RECENT_MS = 3_600_000
const EVERY_MS = 10_000
const LOADING: StreamEnd = { kind: 'loading' }

export function useStreamEnd(stream: string, live: boolean): StreamEnd {
  const { answer, problem } = usePolled(stream, (signal) => endOf(stream, signal), EVERY_MS, live)
  if (answer !== undefined) return answer
  return problem === undefined ? LOADING : { kind: 'unknown', problem }
}

async function endOf(stream: string, signal: AbortSignal): Promise<StreamEnd> {
  const question = { view: `${stream}.records`, key: 'ok', bySlot: false }
  const recent = await api.query({ ...question, fromMs: Date.now() - RECENT_MS }, signal)
  if (recent.rows.length > 0) return { kind: 'live' }
  const [row] = (await api.query(question, signal)).rows
  return row === undefined
    ? { kind: 'none' }
    : { kind: 'past', startMs: timeMs(row.from), endMs: timeMs(row.to) }
}

export interface Bounds {
  readonly fromMs?: number
  readonly toMs?: number
}

/** The slots of the range that ends with the stream's records; both ends open for a range without a length. */
export function boundsOf(end: StreamEnd, rangeMs: number | undefined, slotMs: number, nowMs: number): Bounds {
  if (rangeMs === undefined) return {}
  const endMs = end.kind === 'past' ? end.endMs - 1 : nowMs
  const toMs = (Math.floor(endMs / slotMs) + 1) * slotMs
  return { fromMs: toMs - Math.max(slotMs, rangeMs), toMs }
}
