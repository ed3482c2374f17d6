import type { Ports } from '../ports/ports.ts'
import { AlertActions, type IncidentMark, suppressing } from '../state/alert-actions.ts'
import { type AlertPosition, comparePositions, readCursor, writeCursor } from '../state/alert-cursor.ts'
import { AlertLog } from '../state/alert-log.ts'
import { type Alert, type AlertFilter, wants } from '../stream/alert.ts'
import type { Stream } from '../stream/define.ts'
import { type Gathering, gather } from './frames.ts'
import { incidentId, joinIncident } from './incidents.ts'
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
  if (since === undefined) {
    const { placed, cursor } = await newest(log, limit, (alert) => wants(options, alert))
    return { alerts: placed.map(({ alert }) => alert), cursor }
  }
  const taken: Alert[] = []
  const add = (alert: Alert) => taken.length < limit && taken.push(alert) > 0
  return following(log, await positionOf(log, since), options, { add, alerts: () => taken })
}

/**
 * The same as incidents, oldest first, with the ids they have on the channel `incidents/<stream>`. Without `since` an
 * incident counts what it has among the newest alerts, up to 20,000, and those are searched for `limit` that are not closed.
 * With `since`, closed ones count towards `limit`: an answer may be empty while its cursor goes on.
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
    const found = new FoundIncidents(alertWindowMs, limit)
    const into = withoutSuppressed(found, isSuppressed)
    const { cursor } = await following(log, await positionOf(log, since), options, into)
    return { alerts: await withMarks(actions, found.found(), all), cursor }
  }
  const keep = (alert: Alert) => wants(options, alert) && !isSuppressed(alert.group)
  for (let read = Math.min(limit * ALERTS_AN_INCIDENT, ALERTS_MAX); ; read = ALERTS_MAX) {
    const { placed, cursor } = await newest(log, read, keep)
    const found = new FoundIncidents(alertWindowMs)
    for (const { alert, page, index } of placed) found.add(alert, page, index)
    const open = await newestOpen(actions, found.found(), limit, all)
    // Those of the log's newest alerts may be closed, and open ones lie before them.
    if (open.length >= limit || placed.length < read || read === ALERTS_MAX) return { alerts: open, cursor }
  }
}

/** How far a search has come: pages of the log, from the newest backwards. */
export interface SearchOptions {
  readonly onProgress?: (searched: { readonly pages: number; readonly of: number }) => void
}

/**
 * The newest alert of the incident of that id, under this id, and where the log ends; undefined where no alert belongs to it.
 * Searched from the newest page backwards, no further than the first that has one: its count and times are that alert's.
 */
export async function findIncident(
  ports: AlertPorts,
  stream: Pick<Stream, 'name' | 'alertWindowMs'>,
  id: string,
  { onProgress }: SearchOptions = {},
): Promise<{ readonly incident: Incident; readonly cursor: string } | undefined> {
  const log = new AlertLog(stream.name, ports)
  const of = (await log.end()).page
  for (let page = of - 1; page >= 0; page--) {
    const alerts = (await log.page(page)) ?? []
    const newest = alerts.findLast((alert) => incidentId(alert, stream.alertWindowMs) === id)
    onProgress?.({ pages: of - page, of })
    if (newest === undefined) continue
    const mark = await new AlertActions(stream.name, ports).markOf(id)
    const incident = { ...newest, id, ...(mark && { mark }) }
    return { incident, cursor: writeCursor({ page: of, index: 0 }) }
  }
  return undefined
}

/** An incident in a log, and where the last alert of it stands there. */
interface Found {
  readonly incident: Alert
  readonly last: AlertPosition
}

/** The newest of them that are not closed, from the end on, so that no more marks are read than it takes. */
async function newestOpen(
  actions: AlertActions,
  found: readonly Found[],
  limit: number,
  all: boolean,
): Promise<readonly Incident[]> {
  let open: readonly Incident[] = []
  for (let to = found.length; to > 0 && open.length < limit; to -= MARKS_AT_ONCE) {
    const some = found.slice(Math.max(0, to - MARKS_AT_ONCE), to)
    open = [...(await withMarks(actions, some, all)), ...open]
  }
  return open.slice(Math.max(0, open.length - limit))
}

async function withMarks(
  actions: AlertActions,
  found: readonly Found[],
  all: boolean,
): Promise<readonly Incident[]> {
  const marked: Incident[] = []
  for (let from = 0; from < found.length; from += MARKS_AT_ONCE) {
    const some = found.slice(from, from + MARKS_AT_ONCE)
    const marks = await Promise.all(some.map(({ incident }) => actions.markOf(incident.id)))
    some.forEach(({ incident, last }, i) => {
      const mark = marks[i]
      if (!all && mark !== undefined && isClosed(mark, incident, last)) return
      marked.push(mark === undefined ? incident : { ...incident, mark })
    })
  }
  return marked
}

/** By place in the log: alerts of several partitions come in no order of event time, and many in the same ms. */
function isClosed(mark: IncidentMark, incident: Alert, last: AlertPosition): boolean {
  if (mark.state !== 'closed') return false
  const known = mark.cursor === undefined ? undefined : readCursor(mark.cursor)
  return known === undefined ? incident.lastSeenMs <= mark.lastSeenMs : comparePositions(last, known) < 0
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

/** Incidents in the order in which each was first met, at most `limit`. */
class FoundIncidents implements Gathering {
  readonly #byId = new Map<string, Found>()
  readonly #windowMs: number
  readonly #limit: number

  constructor(windowMs: number, limit = Number.POSITIVE_INFINITY) {
    this.#windowMs = windowMs
    this.#limit = limit
  }

  add(alert: Alert, page: number, index: number): boolean {
    const id = incidentId(alert, this.#windowMs)
    const known = this.#byId.get(id)
    if (known === undefined && this.#byId.size >= this.#limit) return false
    this.#byId.set(id, { incident: joinIncident(known?.incident, alert, id), last: { page, index } })
    return true
  }

  found(): readonly Found[] {
    return [...this.#byId.values()]
  }

  alerts(): readonly Alert[] {
    return this.found().map(({ incident }) => incident)
  }
}

interface Placed extends AlertPosition {
  readonly alert: Alert
}

/** From the end backwards, page by page, until there are enough. */
async function newest(
  log: AlertLog,
  limit: number,
  keep: (alert: Alert) => boolean,
): Promise<{ readonly placed: readonly Placed[]; readonly cursor: string }> {
  const end = (await log.end()).page
  const pages: Placed[][] = []
  for (let page = end - 1, found = 0; page >= 0 && found < limit; page--) {
    const alerts = (await log.page(page)) ?? []
    const kept = alerts.map((alert, index) => ({ alert, page, index })).filter(({ alert }) => keep(alert))
    pages.push(kept)
    found += kept.length
  }
  const placed = pages.reverse().flat()
  const cursor = writeCursor({ page: end, index: 0 })
  return { placed: placed.slice(Math.max(0, placed.length - limit)), cursor }
}
