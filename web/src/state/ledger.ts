import type { Ledger, Status } from '../../../lib/serve/dashboard-messages.ts'
import type { Sample } from './history.ts'

/**
 * What the ledger says:
 * - `empty`: nothing has come in.
 * - `agrees`: in = in the master = counted, to the record.
 * - `behind`: the rest is in flight, and moving.
 * - `stalled`: the rest is in flight, and has not moved for a while.
 * - `broken`: for some seconds, more archived or counted than came in. That would be a duplicate: Weir promises it
 *   never happens. Once is no proof: the totals of one status are not read in the same instant.
 */
export type LedgerState = 'empty' | 'agrees' | 'behind' | 'stalled' | 'broken'

const STALLED_AFTER_MS = 20_000
const BROKEN_SAMPLES = 4

/** Records that came in and are not yet both in the master and counted. */
export function inFlight({ in: came, archived, counted }: Ledger): number {
  return Math.max(0, came - Math.min(archived, counted))
}

export function agrees({ in: came, scored, archived, counted }: Ledger): boolean {
  return came === scored && came === archived && came === counted
}

export function isOver({ in: came, scored, archived, counted }: Ledger): boolean {
  return Math.max(scored, archived, counted) > came
}

/** `samples`: this stream's past, oldest first. */
export function ledgerState(ledger: Ledger, samples: readonly Sample[]): LedgerState {
  const last = samples.slice(-BROKEN_SAMPLES)
  if (isOver(ledger) && last.length === BROKEN_SAMPLES && last.every(({ over }) => over)) return 'broken'
  if (ledger.in === 0) return 'empty'
  if (agrees(ledger)) return 'agrees'
  return stalled(ledger, samples) ? 'stalled' : 'behind'
}

function stalled({ archived, counted }: Ledger, samples: readonly Sample[]): boolean {
  const latest = samples.at(-1)
  if (latest === undefined) return false
  // What lags must have moved, or have had nothing to do, at least once in the window.
  const window = samples.filter(({ atMs }) => atMs > latest.atMs - STALLED_AFTER_MS)
  const oldest = window[0]
  if (oldest === undefined || latest.atMs - oldest.atMs < STALLED_AFTER_MS * 0.8) return false
  return window.every((sample) => {
    const same = sample.archived === archived && sample.counted === counted
    return same && sample.inFlight > 0
  })
}

/** In flight and agreement over every stream: a worker may serve any of them. */
export function wholeSite(status: Status): { inFlight: number; agrees: boolean; in: number } {
  let sum = 0
  let came = 0
  let all = true
  for (const { ledger } of status.streams) {
    sum += inFlight(ledger)
    came += ledger.in
    all &&= agrees(ledger)
  }
  return { inFlight: sum, agrees: all, in: came }
}
