/** Writes unified2 records as Snort does, for tests: the layout is written out here on its own, not taken from the reader. */
export interface WrittenEvent {
  readonly type: number
  readonly sensor?: number
  readonly id: number
  readonly second?: number
  readonly sid?: number
  readonly gid?: number
  readonly priority?: number
  readonly classification?: number
  /** 4 or 16 bytes each. */
  readonly source?: readonly number[]
  readonly destination?: readonly number[]
  readonly ports?: readonly [number, number]
  readonly protocol?: number
  /** impact_flag, impact, blocked. */
  readonly flags?: readonly [number, number, number]
  readonly mpls?: number
  readonly vlan?: number
  readonly policy?: number
  /** Bytes behind the fixed part. */
  readonly tail?: string
}

export function u2Record(type: number, body: Buffer): Buffer {
  return Buffer.concat([u32(type), u32(body.length), body])
}

export function u2Event(event: WrittenEvent): Buffer {
  const { type, sensor = 0, id, second = 1_700_000_000, sid = 100, gid = 1 } = event
  const { source = [10, 0, 0, 1], destination = [10, 0, 0, 2], ports = [1234, 80], flags = [0, 0, 0] } = event
  const head = [sensor, id, second, 250_000, sid, gid, 3, event.classification ?? 4, event.priority ?? 2]
  const mpls = type >= 99 ? [u32(event.mpls ?? 0)] : []
  const vlan = type >= 104 ? [u16(event.vlan ?? 0), u16(event.policy ?? 0)] : []
  const body = Buffer.concat([
    ...head.map(u32),
    Buffer.from(source),
    Buffer.from(destination),
    ...ports.map(u16),
    Buffer.from([event.protocol ?? 6, ...flags]),
    ...mpls,
    ...vlan,
    Buffer.from(event.tail ?? '', 'latin1'),
  ])
  return u2Record(type, body)
}

export function u2Packet(id: number, data: string, second = 1_700_000_000, sensor = 0): Buffer {
  const bytes = Buffer.from(data, 'latin1')
  const head = [sensor, id, second, second, 260_000, 1, bytes.length]
  return u2Record(2, Buffer.concat([...head.map(u32), bytes]))
}

export function u2ExtraData(id: number, type: number, data: string, second = 1_700_000_000): Buffer {
  const bytes = Buffer.from(data, 'latin1')
  const head = [4, bytes.length + 32, 0, id, second, type, 1, bytes.length + 8]
  return u2Record(110, Buffer.concat([...head.map(u32), bytes]))
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
