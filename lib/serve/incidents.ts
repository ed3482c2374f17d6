import { createHash } from 'node:crypto'
import { type Alert, graver } from '../stream/alert.ts'

/** Id of the incident that an alert belongs to: of its stream, group and window of event time. */
export function incidentId(alert: Alert, windowMs: number): string {
  const key = JSON.stringify([alert.stream, alert.group, windowStart(alert, windowMs)])
  return createHash('sha256').update(key).digest('hex').slice(0, 32)
}

/** Start of the alert's window, ms since 1970. */
export function windowStart(alert: Alert, windowMs: number): number {
  return Math.floor(alert.firstSeenMs / windowMs) * windowMs
}

/**
 * The incident with one more alert in it: counts add up, the gravest severity and the strangest record stand for all.
 * Commutative but for ties of score, where the earlier stays.
 */
export function joinIncident(incident: Alert | undefined, alert: Alert, id: string): Alert {
  if (incident === undefined) return { ...alert, id }
  const sample = alert.score > incident.score ? alert : incident
  return {
    ...sample,
    id,
    severity: graver(incident.severity, alert.severity),
    count: incident.count + alert.count,
    firstSeenMs: Math.min(incident.firstSeenMs, alert.firstSeenMs),
    lastSeenMs: Math.max(incident.lastSeenMs, alert.lastSeenMs),
  }
}

/** Alerts as incidents, in the order in which each was first met. */
export function incidentsOf(alerts: Iterable<Alert>, windowMs: number): readonly Alert[] {
  const incidents = new Map<string, Alert>()
  for (const alert of alerts) {
    const id = incidentId(alert, windowMs)
    incidents.set(id, joinIncident(incidents.get(id), alert, id))
  }
  return [...incidents.values()]
}
