import { ipText } from './ip.ts'

/**
 * Snort's unified2: records of {u32 type, u32 length, body}, all integers big-endian, one after the other in a spool file.
 * Structures: `Unified2_common.h` of Snort 2.9 and `unified2.h` of Snort 3.
 */
export const UNIFIED2_HEADER_BYTES = 8

/** Packets have at most 64 KiB and extra data about as much: a longer record is a header that is none. */
export const UNIFIED2_BODY_BYTES_MAX = 512 * 1024

const PACKET = 2
const EXTRA_DATA = 110
const EVENT3 = 114

/** Where the fields of an event differ by its type: bytes of an address, and how many bytes the body has at least. */
interface EventLayout {
  readonly address: 4 | 16
  readonly bytes: number
  /** MPLS label after the flags. */
  readonly mpls: boolean
  /** VLAN and policy id after the label. */
  readonly vlan: boolean
}

const EVENTS: ReadonlyMap<number, EventLayout> = new Map([
  [7, { address: 4, bytes: 52, mpls: false, vlan: false }],
  [72, { address: 16, bytes: 76, mpls: false, vlan: false }],
  [99, { address: 4, bytes: 56, mpls: true, vlan: false }],
  [100, { address: 16, bytes: 80, mpls: true, vlan: false }],
  [104, { address: 4, bytes: 60, mpls: true, vlan: true }],
  [105, { address: 16, bytes: 84, mpls: true, vlan: true }],
  [111, { address: 4, bytes: 60, mpls: true, vlan: true }],
  [112, { address: 16, bytes: 84, mpls: true, vlan: true }],
])

const PACKET_BYTES = 28
const EXTRA_DATA_BYTES = 32
const EVENT3_BYTES = 96

/** Types that Snort has written without an event id, and types no longer written: kept, not understood. */
const OTHERS: ReadonlySet<number> = new Set([1, 3, 66, 67, 68, 113])

/** What joins an event's records: they carry these three fields alike. */
export interface EventId {
  readonly sensor_id: number
  readonly event_id: number
  /** Seconds since 1970. */
  readonly event_second: number
}

export interface Unified2Event extends EventId {
  readonly kind: 'event'
  readonly event_microsecond: number
  readonly signature_id: number
  readonly generator_id: number
  readonly signature_revision: number
  readonly classification_id: number
  readonly priority: number
  readonly source_ip: string
  readonly destination_ip: string
  /** Source port, or the ICMP type. */
  readonly sport_itype: number
  /** Destination port, or the ICMP code. */
  readonly dport_icode: number
  /** IP protocol number. */
  readonly protocol: number
  /** Of old files the action on the packet: 0x20 is blocked. */
  readonly impact_flag: number
  readonly impact: number
  /** 0: not blocked, 1: blocked, 2: would have been. */
  readonly blocked: number
  /** The following are absent where the type has no such field. */
  readonly mpls_label?: number
  readonly vlan_id?: number
  /** Policy id. */
  readonly pad2?: number
  readonly app_name?: string
}

export interface Unified2Packet extends EventId {
  readonly kind: 'packet'
  readonly packet_second: number
  readonly packet_microsecond: number
  /** As in pcap: 1 is Ethernet. */
  readonly linktype: number
  readonly length: number
  readonly data: Buffer
}

export interface Unified2ExtraData extends EventId {
  readonly kind: 'extra-data'
  readonly event_type: number
  readonly event_length: number
  readonly type: number
  readonly data_type: number
  /** As written: the bytes of the data and of the two fields before them. */
  readonly data_length: number
  readonly data: Buffer
}

export interface Unified2Other {
  readonly kind: 'other'
  readonly data: Buffer
}

export type Unified2Record = Unified2Event | Unified2Packet | Unified2ExtraData | Unified2Other

export interface Unified2Header {
  readonly type: number
  /** Of the body. */
  readonly bodyBytes: number
}

/** Bytes that are no unified2 record. */
export class Unified2Error extends Error {
  override readonly name = 'Unified2Error'
}

/**
 * The header at `at`; undefined where fewer than eight bytes are left. Throws a Unified2Error where type or length are
 * none that a record has: from there on the file cannot be read, as nothing marks where the next record begins.
 */
export function readUnified2Header(bytes: Buffer, at: number): Unified2Header | undefined {
  if (at + UNIFIED2_HEADER_BYTES > bytes.length) return undefined
  const type = bytes.readUInt32BE(at)
  const bodyBytes = bytes.readUInt32BE(at + 4)
  const least = bodyBytesMin(type)
  if (least === undefined) throw new Unified2Error(`${type} is no record type of unified2`)
  if (bodyBytes < least || bodyBytes > UNIFIED2_BODY_BYTES_MAX)
    throw new Unified2Error(
      `a record of type ${type} has ${least} to ${UNIFIED2_BODY_BYTES_MAX} bytes, the header says ${bodyBytes}`,
    )
  return { type, bodyBytes }
}

/** True where a file that begins with these bytes is unified2: no text begins with three zero bytes. */
export function isUnified2(start: Buffer): boolean {
  return start.length >= 4 && bodyBytesMin(start.readUInt32BE(0)) !== undefined
}

function bodyBytesMin(type: number): number | undefined {
  if (type === PACKET) return PACKET_BYTES
  if (type === EXTRA_DATA) return EXTRA_DATA_BYTES
  if (type === EVENT3) return EVENT3_BYTES
  return EVENTS.get(type)?.bytes ?? (OTHERS.has(type) ? 0 : undefined)
}

/** The event that a record belongs to and whether it begins it; undefined for a type without an event id. */
export function unified2EventId(
  type: number,
  body: Buffer,
): (EventId & { readonly begins: boolean }) | undefined {
  if (OTHERS.has(type)) return undefined
  const at = type === EXTRA_DATA ? 8 : 0
  return { ...eventIdAt(body, at), begins: type !== PACKET && type !== EXTRA_DATA }
}

function eventIdAt(body: Buffer, at: number): EventId {
  return {
    sensor_id: body.readUInt32BE(at),
    event_id: body.readUInt32BE(at + 4),
    event_second: body.readUInt32BE(at + 8),
  }
}

/**
 * The record of a body whose header `readUnified2Header` took. Throws a Unified2Error where a length inside it says more
 * than there is.
 */
export function parseUnified2(type: number, body: Buffer): Unified2Record {
  if (type === PACKET) return packetOf(body)
  if (type === EXTRA_DATA) return extraDataOf(body)
  if (type === EVENT3) return event3Of(body)
  const layout = EVENTS.get(type)
  return layout === undefined ? { kind: 'other', data: body } : eventOf(layout, body)
}

function eventOf({ address, bytes, mpls, vlan }: EventLayout, body: Buffer): Unified2Event {
  const ports = 36 + 2 * address
  const flags = ports + 4
  return {
    kind: 'event',
    ...eventIdAt(body, 0),
    event_microsecond: body.readUInt32BE(12),
    signature_id: body.readUInt32BE(16),
    generator_id: body.readUInt32BE(20),
    signature_revision: body.readUInt32BE(24),
    classification_id: body.readUInt32BE(28),
    priority: body.readUInt32BE(32),
    source_ip: ipText(body.subarray(36, 36 + address)),
    destination_ip: ipText(body.subarray(36 + address, ports)),
    sport_itype: body.readUInt16BE(ports),
    dport_icode: body.readUInt16BE(ports + 2),
    protocol: body.readUInt8(flags),
    impact_flag: body.readUInt8(flags + 1),
    impact: body.readUInt8(flags + 2),
    blocked: body.readUInt8(flags + 3),
    ...(mpls ? { mpls_label: body.readUInt32BE(flags + 4) } : {}),
    ...(vlan ? { vlan_id: body.readUInt16BE(flags + 8), pad2: body.readUInt16BE(flags + 10) } : {}),
    ...appName(body.subarray(bytes)),
  }
}

/** Snort built with OpenAppID puts 16 bytes of name behind an event, Snort 3 puts 64, whatever the type. */
function appName(rest: Buffer): { readonly app_name?: string } {
  const end = rest.indexOf(0)
  const name = rest.toString('latin1', 0, end < 0 ? rest.length : end)
  return name === '' ? {} : { app_name: name }
}

/** Snort 3's own event: rule ids in another order, addresses always 16 bytes, IPv4 in the last four of them. */
function event3Of(body: Buffer): Unified2Event {
  const versions = body.readUInt8(92)
  return {
    kind: 'event',
    ...eventIdAt(body, 0),
    event_microsecond: body.readUInt32BE(12),
    signature_id: body.readUInt32BE(20),
    generator_id: body.readUInt32BE(16),
    signature_revision: body.readUInt32BE(24),
    classification_id: body.readUInt32BE(28),
    priority: body.readUInt32BE(32),
    source_ip: ipText(body.subarray(versions >> 4 === 4 ? 60 : 48, 64)),
    destination_ip: ipText(body.subarray((versions & 0xf) === 4 ? 76 : 64, 80)),
    sport_itype: body.readUInt16BE(84),
    dport_icode: body.readUInt16BE(86),
    protocol: body.readUInt8(93),
    impact_flag: 0,
    impact: 0,
    blocked: blockedOf(body.readUInt8(94), body.readUInt8(95)),
    mpls_label: body.readUInt32BE(80),
    vlan_id: body.readUInt16BE(88),
    pad2: 0,
    ...appName(body.subarray(EVENT3_BYTES)),
  }
}

const PASS = 0
const ALLOW = 0
const FORCE = 3

/** Status: allow, can't, would, force. Action: pass, drop, block, reset. Only what was allowed or forced happened. */
function blockedOf(status: number, action: number): number {
  if (action === PASS) return 0
  return status === ALLOW || status === FORCE ? 1 : 2
}

function packetOf(body: Buffer): Unified2Packet {
  const length = body.readUInt32BE(24)
  return {
    kind: 'packet',
    ...eventIdAt(body, 0),
    packet_second: body.readUInt32BE(12),
    packet_microsecond: body.readUInt32BE(16),
    linktype: body.readUInt32BE(20),
    length,
    data: within(body, PACKET_BYTES, length, 'packet'),
  }
}

function extraDataOf(body: Buffer): Unified2ExtraData {
  const data_length = body.readUInt32BE(28)
  return {
    kind: 'extra-data',
    event_type: body.readUInt32BE(0),
    event_length: body.readUInt32BE(4),
    ...eventIdAt(body, 8),
    type: body.readUInt32BE(20),
    data_type: body.readUInt32BE(24),
    data_length,
    data: within(body, EXTRA_DATA_BYTES, data_length - 8, 'extra data'),
  }
}

function within(body: Buffer, from: number, length: number, what: string): Buffer {
  if (length >= 0 && from + length <= body.length) return body.subarray(from, from + length)
  throw new Unified2Error(`${what} of ${length} bytes in a record that has room for ${body.length - from}`)
}

/** Names of the types of extra data that Snort writes. */
const EXTRA_DATA_NAMES: readonly (string | undefined)[] = [
  undefined,
  'xff_ipv4',
  'xff_ipv6',
  'reviewed_by',
  'gzip_data',
  'smtp_filename',
  'smtp_mail_from',
  'smtp_rcpt_to',
  'smtp_email_headers',
  'http_uri',
  'http_hostname',
  'ipv6_source',
  'ipv6_destination',
  'normalized_js',
]

/** The name of a type of extra data, or its number as text. */
export function extraDataName(type: number): string {
  return EXTRA_DATA_NAMES[type] ?? String(type)
}
