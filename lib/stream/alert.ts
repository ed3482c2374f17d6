import type { Reason, Severity } from './detector.ts'
import type { Origin } from './origin.ts'
import type { Value } from './value.ts'

/** One alert; or an incident: the alerts of one group and window as one, in the same shape. Times are in ms since 1970. */
export interface Alert {
  /** Of an alert: its record's id. Of an incident: a hash of stream, group and start of window. */
  readonly id: string
  readonly stream: string
  /** Of an incident, the highest in it. */
  readonly severity: Severity
  /** One line for people. */
  readonly title: string
  /** Alerts of one group within the stream's `alertWindowMs` of event time are one incident. */
  readonly group: string
  /** At or above `threshold`. Of an incident, the highest in it, whose record is the one shown. */
  readonly score: number
  readonly threshold: number
  /** Version of the model that scored it. */
  readonly model: string
  readonly reasons: readonly Reason[]
  /** Event times of its first and last record. */
  readonly firstSeenMs: number
  readonly lastSeenMs: number
  /** Alerts in it: 1, or of an incident in a frame, how many that frame adds. */
  readonly count: number
  /** Of the record shown. */
  readonly origin: Origin
  readonly record: Value
  /** True where long values of the record, or all of it, were left out to fit a frame. The alert log has it whole. */
  readonly recordCut?: boolean
}

/** From mild to grave. */
export const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical']

/** The graver of two. */
export function graver(a: Severity, b: Severity): Severity {
  return SEVERITIES.indexOf(a) >= SEVERITIES.indexOf(b) ? a : b
}

/** Which alerts someone wants: those whose members are among the listed ones. A member that is left out takes all. */
export interface AlertFilter {
  readonly severity?: readonly Severity[]
  readonly group?: readonly string[]
}

/** Whether the filter lets the alert through. */
export function wants(filter: AlertFilter | undefined, alert: Alert): boolean {
  if (filter === undefined) return true
  const { severity, group } = filter
  return (
    (severity === undefined || severity.includes(alert.severity)) &&
    (group === undefined || group.includes(alert.group))
  )
}
