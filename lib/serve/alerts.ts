import type { Ports } from '../ports/ports.ts'
import { AlertActions, type IncidentMark, suppressing } from '../state/alert-actions.ts'
import { type AlertPosition, readCursor, writeCursor } from '../state/alert-cursor.ts'
import { AlertLog } from '../state/alert-log.ts'
import { type Alert, type AlertFilter, wants } from '../stream/alert.ts'
import type { Stream } from '../stream/define.ts'
import { type Gathering, gather } from './frames.ts'
import { incidentId, incidentsOf, joinIncident } from './incidents.ts'
import { withoutSuppressed } from './suppressed.ts'

const LIMIT = 100
/** How many of the newest alerts are read to find the newest incidents. */
const ALERTS_AN_INCIDENT = 100
const ALERTS_MAX = 20_000
/** Marks asked for at a time. */
const MARKS_AT_ONCE = 50

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

/** An incident, and what somebody did about it. */
export interface Incident extends Alert {
  readonly mark?: IncidentMark
}

export interface IncidentOptions extends ListOptions {
  /** Also what is suppressed, and incidents that were closed and to which nothing was added since. */
  readonly all?: boolean
}

export interface IncidentList extends AlertList {
  readonly alerts: readonly Incident[]
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
  if (since === undefined) return newest(log, limit, (alert) => wants(options, alert))
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
  options: IncidentOptions = {},
): Promise<IncidentList> {
  const log = new AlertLog(stream.name, ports)
  const actions = new AlertActions(stream.name, ports)
  const { since, limit = LIMIT, all = false } = options
  const { alertWindowMs } = stream
  const suppressed = all ? [] : (await actions.suppressions()).map(({ group }) => group)
  const isSuppressed = suppressing(suppressed)
  if (since !== undefined) {
    const into = withoutSuppressed(firstIncidents(alertWindowMs, limit), isSuppressed)
    const { alerts, cursor } = await following(log, await positionOf(log, since), options, into)
    return { alerts: await withMarks(actions, alerts, all), cursor }
  }
  const keep = (alert: Alert) => wants(options, alert) && !isSuppressed(alert.group)
  const { alerts, cursor } = await newest(log, Math.min(limit * ALERTS_AN_INCIDENT, ALERTS_MAX), keep)
  const incidents = incidentsOf(alerts, alertWindowMs).slice(-limit)
  return { alerts: await withMarks(actions, incidents, all), cursor }
}

/** The incident of that id, from all alerts of the log; undefined where none has it. */
export async function findIncident(
  ports: AlertPorts,
  stream: Pick<Stream, 'name' | 'alertWindowMs'>,
  id: string,
): Promise<Incident | undefined> {
  const log = new AlertLog(stream.name, ports)
  let incident: Alert | undefined
  const into: Gathering = {
    add(alert) {
      if (incidentId(alert, stream.alertWindowMs) === id) incident = joinIncident(incident, alert, id)
      return true
    },
    alerts: () => [],
  }
  await following(log, await positionOf(log, 'start'), {}, into)
  if (incident === undefined) return undefined
  return (await withMarks(new AlertActions(stream.name, ports), [incident], true))[0]
}

async function withMarks(
  actions: AlertActions,
  incidents: readonly Alert[],
  all: boolean,
): Promise<readonly Incident[]> {
  const marked: Incident[] = []
  for (let from = 0; from < incidents.length; from += MARKS_AT_ONCE) {
    const some = incidents.slice(from, from + MARKS_AT_ONCE)
    const marks = await Promise.all(some.map(({ id }) => actions.markOf(id)))
    some.forEach((incident, i) => {
      const mark = marks[i]
      if (!all && mark?.state === 'closed' && incident.lastSeenMs <= mark.lastSeenMs) return
      marked.push(mark === undefined ? incident : { ...incident, mark })
    })
  }
  return marked
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
async function newest(log: AlertLog, limit: number, keep: (alert: Alert) => boolean): Promise<AlertList> {
  const end = (await log.end()).page
  const pages: Alert[][] = []
  for (let page = end - 1, found = 0; page >= 0 && found < limit; page--) {
    const kept = ((await log.page(page)) ?? []).filter(keep)
    pages.push(kept)
    found += kept.length
  }
  const alerts = pages.reverse().flat()
  const cursor = writeCursor({ page: end, index: 0 })
  return { alerts: alerts.slice(Math.max(0, alerts.length - limit)), cursor }
}
