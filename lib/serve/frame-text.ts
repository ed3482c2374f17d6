import type { Alert } from '../stream/alert.ts'
import type { Value } from '../stream/value.ts'

/** Above it an alert is cut: a frame should hold several, and one whole record may be larger than any frame. */
export const ALERT_BYTES_MAX = 8 * 1024
const LONG_VALUE_CHARS = 200

const texts = new WeakMap<Alert, FrameText>()

export interface FrameText {
  readonly alert: Alert
  readonly json: string
  readonly sizeBytes: number
}

/** The alert as a frame carries it, at most `ALERT_BYTES_MAX`. Made once for all who get it. */
export function frameText(alert: Alert): FrameText {
  let text = texts.get(alert)
  if (text === undefined) {
    text = fitted(alert)
    texts.set(alert, text)
  }
  return text
}

function fitted(alert: Alert): FrameText {
  for (const cut of [whole, withShortValues, withoutRecord, bare]) {
    const text = textOf(cut(alert))
    if (text.sizeBytes <= ALERT_BYTES_MAX) return text
  }
  throw new Error(`alert ${alert.id.slice(0, 200)}: over ${ALERT_BYTES_MAX} bytes without record and reasons`)
}

function textOf(alert: Alert): FrameText {
  const json = JSON.stringify(alert)
  return { alert, json, sizeBytes: Buffer.byteLength(json) }
}

const whole = (alert: Alert): Alert => alert

function withShortValues(alert: Alert): Alert {
  const record: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(alert.record)) if (!isLong(value)) record[name] = value
  return { ...alert, record, recordCut: true }
}

const NO_RECORD: Value = {}
const withoutRecord = (alert: Alert): Alert => ({ ...alert, record: NO_RECORD, recordCut: true })

/** What is left has bounds of its own: see `alertOf` in lib/speed/notify.ts. */
const bare = (alert: Alert): Alert => ({ ...withoutRecord(alert), reasons: [] })

function isLong(value: unknown): boolean {
  if (typeof value === 'string') return value.length > LONG_VALUE_CHARS
  return typeof value === 'object' && value !== null && JSON.stringify(value).length > LONG_VALUE_CHARS
}
