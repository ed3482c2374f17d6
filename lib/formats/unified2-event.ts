import {
  type EventId,
  extraDataName,
  parseUnified2,
  readUnified2Header,
  UNIFIED2_HEADER_BYTES,
  Unified2Error,
  type Unified2Event,
  type Unified2Record,
} from './unified2.ts'

/** The records of one event: the original bytes of all of them, side by side, are one raw record of a stream. */
export interface JoinedEvent {
  /** Undefined where its packets or extra data came without it: it stands earlier in the file, or in another. */
  readonly event: Unified2Event | undefined
  readonly id: EventId | undefined
  readonly packets: readonly JoinedPacket[]
  readonly extraData: readonly JoinedExtraData[]
  /** Records of types without an event id. */
  readonly others: readonly JoinedOther[]
}

export interface JoinedPacket {
  readonly second: number
  readonly microsecond: number
  readonly linktype: number
  /** Base64. */
  readonly data: string
}

export interface JoinedExtraData {
  readonly type: string
  /** Text where it is text, otherwise base64 in `base64`. */
  readonly text?: string
  readonly base64?: string
}

export interface JoinedOther {
  readonly type: number
  readonly base64: string
}

/** Every record in `bytes`, in order. Throws a Unified2Error where they are not whole records from end to end. */
export function* unified2Records(
  bytes: Buffer,
): Generator<{ readonly type: number; readonly record: Unified2Record }, void> {
  for (let at = 0; at < bytes.length; ) {
    const header = readUnified2Header(bytes, at)
    const end = at + UNIFIED2_HEADER_BYTES + (header?.bodyBytes ?? 0)
    if (header === undefined || end > bytes.length)
      throw new Unified2Error(`the record at byte ${at} is cut short: there are ${bytes.length} bytes`)
    const body = bytes.subarray(at + UNIFIED2_HEADER_BYTES, end)
    yield { type: header.type, record: parseUnified2(header.type, body) }
    at = end
  }
}

/** Joins the records of one event. Throws a Unified2Error as `unified2Records` does, and for two events in one. */
export function joinUnified2(bytes: Buffer): JoinedEvent {
  let event: Unified2Event | undefined
  let id: EventId | undefined
  const packets: JoinedPacket[] = []
  const extraData: JoinedExtraData[] = []
  const others: JoinedOther[] = []
  for (const { type, record } of unified2Records(bytes)) {
    if (record.kind === 'other') {
      others.push({ type, base64: record.data.toString('base64') })
      continue
    }
    id ??= record
    if (record.kind === 'packet') {
      const { packet_second: second, packet_microsecond: microsecond, linktype, data } = record
      packets.push({ second, microsecond, linktype, data: data.toString('base64') })
    } else if (record.kind === 'extra-data')
      extraData.push({ type: extraDataName(record.type), ...textOr64(record.data) })
    else if (event === undefined) event = record
    else throw new Unified2Error('two events in one record')
  }
  return { event, id, packets, extraData, others }
}

/** Printable Latin-1 without controls but tab and line ends: a URI, a host name, normalised JavaScript. */
function textOr64(data: Buffer): { readonly text: string } | { readonly base64: string } {
  for (const byte of data)
    if (byte > 0x7e || (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13))
      return { base64: data.toString('base64') }
  return { text: data.toString('latin1') }
}
