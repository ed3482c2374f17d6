import { type Format, FormatError } from '../stream/format.ts'
import { parseEve } from './eve.ts'
import { isUnified2, Unified2Error, type Unified2Event } from './unified2.ts'
import { type JoinedEvent, joinUnified2 } from './unified2-event.ts'

/** Joined records of a unified2 spool, or EVE JSON lines: a stream whose sensors write either. */
export function unified2OrEve(): Format {
  return {
    name: 'unified2-or-eve',
    compile: () => (bytes) => (isUnified2(bytes) ? parseUnified2Event(bytes) : parseEve(bytes)),
  }
}

function parseUnified2Event(bytes: Buffer): Record<string, unknown> {
  const joined = joined2(bytes)
  const { event, id, packets, extraData, others } = joined
  const kind = event !== undefined ? 'alert' : id !== undefined ? 'late' : 'other'
  return {
    kind,
    sensor: 'snort',
    ...id2(joined),
    ...(event !== undefined && eventFields(event)),
    ...(packets.length > 0 && { packets }),
    ...(extraData.length > 0 && { extra_data: extraData }),
    ...(others.length > 0 && { other_records: others }),
  }
}

function joined2(bytes: Buffer): JoinedEvent {
  try {
    return joinUnified2(bytes)
  } catch (error) {
    if (error instanceof Unified2Error) throw new FormatError(error.message)
    throw error
  }
}

function id2({ id }: JoinedEvent): Record<string, unknown> {
  if (id === undefined) return {}
  const { sensor_id, event_id, event_second } = id
  return { sensor_id, event_id, event_second }
}

/** The time keeps its microseconds. */
function eventFields(event: Unified2Event): Record<string, unknown> {
  const { event_second, event_microsecond, sport_itype, dport_icode, protocol } = event
  const seconds = new Date(event_second * 1000).toISOString().slice(0, 19)
  const icmp = protocol === 1 || protocol === 58
  return {
    timestamp: `${seconds}.${String(event_microsecond).padStart(6, '0')}Z`,
    generator_id: event.generator_id,
    signature_id: event.signature_id,
    signature_revision: event.signature_revision,
    classification_id: event.classification_id,
    priority: event.priority,
    protocol: PROTOCOLS.get(protocol) ?? String(protocol),
    source_ip: event.source_ip,
    destination_ip: event.destination_ip,
    ...(icmp
      ? { icmp_type: sport_itype, icmp_code: dport_icode }
      : { source_port: sport_itype, destination_port: dport_icode }),
    impact_flag: event.impact_flag,
    impact: event.impact,
    blocked: BLOCKED[event.blocked] ?? (event.impact_flag & FLAG_BLOCKED ? 'yes' : 'no'),
    ...(event.mpls_label !== undefined && { mpls_label: event.mpls_label }),
    ...(event.vlan_id !== undefined && { vlan_id: event.vlan_id }),
    ...(event.pad2 !== undefined && { policy_id: event.pad2 }),
    ...(event.app_name !== undefined && { app_name: event.app_name }),
  }
}

const FLAG_BLOCKED = 0x20
const BLOCKED: readonly (string | undefined)[] = [undefined, 'yes', 'would have been']

/** https://www.iana.org/assignments/protocol-numbers, those that alerts are about. */
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [2, 'igmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [47, 'gre'],
  [50, 'esp'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
])
