import type { Part, StageName, Status } from '../../../lib/serve/dashboard-messages.ts'
import { agrees, inFlight, isOver } from './ledger.ts'

/** One stream at one status message. */
export interface Sample {
  readonly atMs: number
  readonly in: number
  readonly archived: number
  readonly counted: number
  readonly inFlight: number
  readonly agrees: boolean
  /** More was scored, archived or counted than came in. */
  readonly over: boolean
  readonly rates: Readonly<Partial<Record<StageName, number>>>
  /** Some part that works for the stream had ended and was not up again. */
  readonly partDown: boolean
}

export type History = Readonly<Record<string, readonly Sample[]>>

/** How far back the page remembers. */
export const HISTORY_MS = 180_000

const USUAL_MS = 30_000

/** The most that was in flight in the last half minute, over all streams. */
export function usualInFlight(history: History): number {
  let sum = 0
  for (const samples of Object.values(history)) {
    const sinceMs = (samples.at(-1)?.atMs ?? 0) - USUAL_MS
    sum += samples.reduce((most, { atMs, inFlight: at }) => (atMs > sinceMs ? Math.max(most, at) : most), 0)
  }
  return sum
}

/** Less than this is drawn as if it were this long, so that the first samples do not fill the width. */
const SHOWN_MS_MIN = 20_000

/** The length of time to draw: what is remembered, growing to all of it. */
export function shownMs(samples: readonly Sample[]): number {
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)
  return Math.min(HISTORY_MS, Math.max(SHOWN_MS_MIN, spanMs))
}

/** One that starts for the first time was not missed. */
function isDown({ state, restarts, stream }: Part, name: string): boolean {
  if (stream !== undefined && stream !== name) return false
  return state === 'down' || (state === 'starting' && restarts > 0)
}

/** The history with a status added and what is too old taken off. A status of the past changes nothing. */
export function remember(history: History, status: Status): History {
  const next: Record<string, readonly Sample[]> = {}
  for (const { name, ledger, stages } of status.streams) {
    const past = history[name] ?? []
    if ((past.at(-1)?.atMs ?? 0) >= status.nowMs) {
      next[name] = past
      continue
    }
    const sample: Sample = {
      atMs: status.nowMs,
      in: ledger.in,
      archived: ledger.archived,
      counted: ledger.counted,
      inFlight: inFlight(ledger),
      agrees: agrees(ledger),
      over: isOver(ledger),
      rates: Object.fromEntries(stages.map(({ stage, recordsPerSecond }) => [stage, recordsPerSecond])),
      partDown: status.parts.some((part) => isDown(part, name)),
    }
    next[name] = [...past.filter(({ atMs }) => atMs > status.nowMs - HISTORY_MS), sample]
  }
  return next
}
