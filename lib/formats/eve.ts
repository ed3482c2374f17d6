import { FormatError } from '../stream/format.ts'
import { canonicalIp } from './ip.ts'
import { parseJson } from './json.ts'

/**
 * Suricata's EVE JSON, one event a line, as the fields that Snort's records give too; what else the event holds stays as it
 * is. Format: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
 */
export function parseEve(bytes: Buffer): Record<string, unknown> {
  const event = fieldsOf(parseJson(bytes))
  const { timestamp, event_type, src_ip, src_port, dest_ip, dest_port, proto, alert, ...rest } = event
  if (typeof event_type !== 'string')
    throw new FormatError('event_type: expected text, as every EVE event has it')
  const kind = event_type === 'alert' ? 'alert' : 'other'
  if (kind === 'alert' && !(isFields(alert) && typeof alert.signature_id === 'number'))
    throw new FormatError('alert: expected an object with a signature_id')
  return {
    ...rest,
    kind,
    sensor: 'suricata',
    event_type,
    ...(timestamp !== undefined && { timestamp: isoTime(timestamp) }),
    ...(src_ip !== undefined && { source_ip: ipOf(src_ip, 'src_ip') }),
    ...(dest_ip !== undefined && { destination_ip: ipOf(dest_ip, 'dest_ip') }),
    ...(src_port !== undefined && { source_port: src_port }),
    ...(dest_port !== undefined && { destination_port: dest_port }),
    ...(typeof proto === 'string' && { protocol: proto.toLowerCase() }),
    ...(isFields(alert) && alertFields(alert)),
  }
}

function alertFields(alert: Record<string, unknown>): Record<string, unknown> {
  const { action, gid, signature_id, rev, signature, category, severity, ...rest } = alert
  return {
    generator_id: gid ?? 1,
    signature_id,
    signature_revision: rev,
    priority: severity,
    ...(signature !== undefined && { signature }),
    ...(category !== undefined && { category }),
    blocked: action === 'blocked' ? 'yes' : 'no',
    ...(Object.keys(rest).length > 0 && { alert: rest }),
  }
}

/** `2015-03-29T11:01:38.221126-0600`: an offset without a colon is not what Date.parse takes. */
function isoTime(timestamp: unknown): string {
  const match =
    typeof timestamp === 'string'
      ? /^(\d{4}-\d\d-\d\dT[\d:]+(?:\.\d+)?)(Z|[+-]\d\d:?\d\d)$/.exec(timestamp)
      : null
  if (match === null)
    throw new FormatError('timestamp: expected a time such as 2015-03-29T11:01:38.221126-0600')
  const [, time = '', zone = ''] = match
  return time + (zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone)
}

function ipOf(value: unknown, field: string): string {
  const ip = typeof value === 'string' ? canonicalIp(value) : undefined
  if (ip === undefined) throw new FormatError(`${field}: expected an address`)
  return ip
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (isFields(value)) return value
  throw new FormatError('expected a JSON object')
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
