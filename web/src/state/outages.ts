import type { Part, Status } from '../../../lib/serve/dashboard-messages.ts'
import { wholeSite } from './ledger.ts'

/** A part's process ended: what was seen of it, until the ledger was back. Times are the page's own clock. */
export interface Outage {
  readonly partId: string
  readonly name: string
  readonly byYou: boolean
  readonly atMs: number
  readonly oldPid?: number
  readonly newPid?: number
  readonly restartsBefore: number
  readonly downMs?: number
  readonly upMs?: number
  /** In flight was back to what it had been, or to nothing. */
  readonly backMs?: number
  /** In = in the master = counted, for the first time after. */
  readonly agreedMs?: number
  readonly agreedAt?: number
  /** Records usually in flight, as seen before: a running stream always has some. */
  readonly inFlightUsual: number
  readonly inFlightPeak: number
}

const KEPT = 12
/** Without a sign of the part's end within this time, a kill had no effect. */
const NO_EFFECT_AFTER_MS = 15_000

/** The outages, newest first, with one that the user has just caused. `usual`: see `usualInFlight`. */
export function killed(
  outages: readonly Outage[],
  part: Part,
  usual: number,
  atMs: number,
): readonly Outage[] {
  return [{ ...open(part, part, usual, atMs), byYou: true }, ...outages].slice(0, KEPT)
}

/** The outages as one more status shows them: newly seen ones, and each open one's next steps. */
export function observe(
  outages: readonly Outage[],
  before: Status | undefined,
  status: Status,
  usual: number,
  atMs: number,
): readonly Outage[] {
  const ended = before === undefined ? [] : newlyDown(outages, before, status)
  const seen = ended.map(({ part, was }) => open(part, was, usual, atMs))
  const alive = outages.filter(
    (outage) => outage.downMs !== undefined || atMs - outage.atMs < NO_EFFECT_AFTER_MS,
  )
  if (seen.length === 0 && alive.length === outages.length && alive.every(isSettled)) return outages
  return [...seen, ...alive].slice(0, KEPT).map((outage) => step(outage, status, atMs))
}

/** Nothing more will be added to it. */
export function isSettled(outage: Outage): boolean {
  return outage.agreedMs !== undefined
}

function newlyDown(outages: readonly Outage[], before: Status, status: Status): { part: Part; was: Part }[] {
  const found: { part: Part; was: Part }[] = []
  for (const part of status.parts) {
    const was = before.parts.find(({ id }) => id === part.id)
    if (was === undefined) continue
    const ended = (part.state === 'down' && was.state !== 'down') || part.restarts > was.restarts
    const known = outages.some(({ partId, upMs }) => partId === part.id && upMs === undefined)
    if (ended && !known) found.push({ part, was })
  }
  return found
}

function open({ id, name }: Part, was: Part, inFlightUsual: number, atMs: number): Outage {
  return {
    partId: id,
    name,
    byYou: false,
    atMs,
    ...(was.pid === undefined ? {} : { oldPid: was.pid }),
    restartsBefore: was.restarts,
    inFlightUsual,
    inFlightPeak: 0,
  }
}

function step(outage: Outage, status: Status, atMs: number): Outage {
  if (isSettled(outage)) return outage
  const site = wholeSite(status)
  const part = status.parts.find(({ id }) => id === outage.partId)
  let next: Outage = outage
  const restarted = part !== undefined && part.restarts > outage.restartsBefore
  if (next.downMs === undefined && (restarted || part === undefined || part.state !== 'up'))
    next = { ...next, downMs: atMs }
  if (next.downMs !== undefined && next.upMs === undefined && restarted && part.state === 'up')
    next = { ...next, upMs: atMs, ...(part.pid === undefined ? {} : { newPid: part.pid }) }
  if (next.backMs === undefined && site.inFlight > next.inFlightPeak)
    next = { ...next, inFlightPeak: site.inFlight }
  if (next.upMs === undefined) return next
  if (next.backMs === undefined && (site.agrees || site.inFlight <= next.inFlightUsual))
    next = { ...next, backMs: atMs }
  if (next.backMs !== undefined && site.agrees) next = { ...next, agreedMs: atMs, agreedAt: site.in }
  return next
}
