import type { AlertPosition } from '../state/alert-cursor.ts'
import { writeCursor } from '../state/alert-cursor.ts'
import type { AlertLog } from '../state/alert-log.ts'
import { type Alert, type AlertFilter, wants } from '../stream/alert.ts'
import type { AlertsMessage } from './dashboard-messages.ts'
import { frameText } from './frame-text.ts'
import { incidentId, joinIncident, windowStart } from './incidents.ts'

/** Alerts read for one frame at most, so that building one never holds up the others for long. */
const SCANNED_MAX = 20_000
/** Bound of what a frame has besides its alerts and its channel: names, two cursors, punctuation. */
const ENVELOPE_BYTES_MAX = 200
/** An incident's id and sums against those of the alert it shows: what they may add to its size. */
const INCIDENT_EXTRA_BYTES = 160

/** What goes into a frame until it is full. */
export interface Gathering {
  /** False where the alert, number `index` of that page, would make the frame too large: it was not taken. */
  add(alert: Alert, page: number, index: number): boolean
  alerts(): readonly Alert[]
}

export interface Gathered {
  readonly alerts: readonly Alert[]
  /** Everything before it has been considered. */
  readonly next: AlertPosition
  /** The alert at `next` did not go in any more. */
  readonly full: boolean
}

/**
 * The alerts of the next frame: from `from` on as many as fit into `bytesMax`, at most those of pages before `endPage`.
 * Empty where the filter lets none through.
 */
export async function gather(
  log: AlertLog,
  range: { readonly from: AlertPosition; readonly endPage: number },
  filter: AlertFilter | undefined,
  into: Gathering,
): Promise<Gathered> {
  let { page, index } = range.from
  for (let scanned = 0; page < range.endPage && scanned < SCANNED_MAX; page++, index = 0) {
    const alerts = await log.page(page)
    if (alerts === undefined)
      throw new Error(`alert log ${log.stream}: page ${page} is missing below its end`)
    for (; index < alerts.length; index++, scanned++) {
      const alert = alerts[index] as Alert
      if (wants(filter, alert) && !into.add(alert, page, index))
        return { alerts: into.alerts(), next: { page, index }, full: true }
    }
  }
  return { alerts: into.alerts(), next: { page, index }, full: false }
}

/** Each alert by itself. */
export function eachAlert(bytesMax: number): Gathering {
  const taken: Alert[] = []
  let bytes = 0
  return {
    add(alert) {
      const text = frameText(alert)
      if (taken.length > 0 && bytes + text.sizeBytes + 1 > bytesMax) return false
      bytes += text.sizeBytes + 1
      taken.push(alert)
      return true
    },
    alerts: () => taken,
  }
}

/** The alerts of one group and window as one. An incident weighs as much as the largest alert it has shown. */
export function byIncident(bytesMax: number, windowMs: number): Gathering {
  const incidents = new Map<string, { id: string; incident: Alert; bytes: number }>()
  let total = 0
  return {
    add(alert) {
      const key = `${windowStart(alert, windowMs)} ${alert.group}`
      const known = incidents.get(key)
      if (known !== undefined && alert.score <= known.incident.score) {
        known.incident = joinIncident(known.incident, alert, known.id)
        return true
      }
      const shown = frameText(alert)
      const bytes = Math.max(known?.bytes ?? 0, shown.sizeBytes + INCIDENT_EXTRA_BYTES)
      const grown = total + bytes - (known?.bytes ?? 0)
      if (incidents.size > 0 && grown > bytesMax) return false
      total = grown
      const id = known?.id ?? incidentId(alert, windowMs)
      incidents.set(key, { id, incident: joinIncident(known?.incident, shown.alert, id), bytes })
      return true
    },
    alerts: () => Array.from(incidents.values(), ({ incident }) => incident),
  }
}

/** Room for alerts in a frame of the channel. */
export function frameRoomBytes(maxFrameBytes: number, channel: string): number {
  return maxFrameBytes - ENVELOPE_BYTES_MAX - Buffer.byteLength(channel)
}

/** The frame's text. */
export function writeFrame(
  channel: AlertsMessage['channel'],
  from: AlertPosition,
  cursor: AlertPosition,
  alerts: readonly Alert[],
): string {
  const head = JSON.stringify({ channel, from: writeCursor(from), cursor: writeCursor(cursor) })
  return `${head.slice(0, -1)},"alerts":[${alerts.map((alert) => frameText(alert).json).join(',')}]}`
}
