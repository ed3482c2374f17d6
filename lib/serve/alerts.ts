import type { Ports } from '../ports/ports.ts'
import { type AlertPosition, readCursor, writeCursor } from '../state/alert-cursor.ts'
import { AlertLog } from '../state/alert-log.ts'
import { type Alert, type AlertFilter, wants } from '../stream/alert.ts'
import type { Stream } from '../stream/define.ts'
import { type Gathering, gather } from './frames.ts'
import { incidentId, incidentsOf, joinIncident } from './incidents.ts'

const LIMIT = 100
/** How many of the newest alerts are read to find the newest incidents. */
const ALERTS_AN_INCIDENT = 100
const ALERTS_MAX = 20_000

export interface ListOptions extends AlertFilter {
  /** A cursor ("0" or "start": from the first on), or a time in ms: what was stored at or after it. */
  readonly since?: string | number
  /** At most so many; default 100. Without `since` the newest, else those that follow on it. */
  readonly limit?: number
}

export interface AlertList {
  /** In the order of the log. */
  readonly alerts: readonly Alert[]
  /** Behind the last of them: the `since` of the next call, or of a subscription. */
  readonly cursor: string
}

export type AlertPorts = Pick<Ports, 'keyed' | 'objects' | 'clock'>

/** A stream's alerts from its log. Throws a RangeError on a `since` that is no cursor. */
export async function listAlerts(
  ports: AlertPorts,
  stream: Pick<Stream, 'name'>,
  options: ListOptions = {},
): Promise<AlertList> {
  const log = new AlertLog(stream.name, ports)
  const { since, limit = LIMIT } = options
  if (since === undefined) return newest(log, limit, options)
  const taken: Alert[] = []
  const add = (alert: Alert) => taken.length < limit && taken.push(alert) > 0
  return following(log, await positionOf(log, since), options, { add, alerts: () => taken })
}

/**
 * The same as incidents, oldest first, with the ids they have on the channel `incidents/<stream>`. Without `since` an
 * incident counts what it has among the newest alerts, up to 20,000.
 */
export async function listIncidents(
  ports: AlertPorts,
  stream: Pick<Stream, 'name' | 'alertWindowMs'>,
  options: ListOptions = {},
): Promise<AlertList> {
  const log = new AlertLog(stream.name, ports)
  const { since, limit = LIMIT } = options
  const { alertWindowMs } = stream
  if (since !== undefined)
    return following(log, await positionOf(log, since), options, firstIncidents(alertWindowMs, limit))
  const { alerts, cursor } = await newest(log, Math.min(limit * ALERTS_AN_INCIDENT, ALERTS_MAX), options)
  return { alerts: incidentsOf(alerts, alertWindowMs).slice(-limit), cursor }
}

/** Alerts in the log of a stream. */
export async function countAlerts(ports: AlertPorts, stream: Pick<Stream, 'name'>): Promise<number> {
  return (await new AlertLog(stream.name, ports).end()).total
}

async function positionOf(log: AlertLog, since: string | number): Promise<AlertPosition> {
  if (typeof since === 'number') return log.positionAt(since)
  const position = readCursor(since)
  if (position !== undefined) return position
  throw new RangeError(
    `not a cursor: ${JSON.stringify(since)} (expected one from an earlier answer, or "start")`,
  )
}

async function following(
  log: AlertLog,
  from: AlertPosition,
  filter: AlertFilter,
  into: Gathering,
): Promise<AlertList> {
  const endPage = (await log.end()).page
  let gathered = await gather(log, { from, endPage }, filter, into)
  while (!gathered.full && gathered.next.page < endPage)
    gathered = await gather(log, { from: gathered.next, endPage }, filter, into)
  return { alerts: gathered.alerts, cursor: writeCursor(gathered.next) }
}

function firstIncidents(windowMs: number, limit: number): Gathering {
  const incidents = new Map<string, Alert>()
  return {
    add(alert) {
      const id = incidentId(alert, windowMs)
      const known = incidents.get(id)
      if (known === undefined && incidents.size >= limit) return false
      incidents.set(id, joinIncident(known, alert, id))
      return true
    },
    alerts: () => [...incidents.values()],
  }
}

/** From the end backwards, page by page, until there are enough. */
async function newest(log: AlertLog, limit: number, filter: AlertFilter): Promise<AlertList> {
  const end = (await log.end()).page
  const pages: Alert[][] = []
  for (let page = end - 1, found = 0; page >= 0 && found < limit; page--) {
    const kept = ((await log.page(page)) ?? []).filter((alert) => wants(filter, alert))
    pages.push(kept)
    found += kept.length
  }
  const alerts = pages.reverse().flat()
  const cursor = writeCursor({ page: end, index: 0 })
  return { alerts: alerts.slice(Math.max(0, alerts.length - limit)), cursor }
}
