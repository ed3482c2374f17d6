import { describe, expect, it } from 'vitest'
import { cutUnified2 } from '../../lib/formats/unified2-cut.ts'
import { unified2OrEve } from '../../lib/formats/unified2-or-eve.ts'
import { u2Packet, u2Record } from './unified2.ts'

/**
 * Record type 114, as Snort 3 writes it: `struct Unified2Event` of src/loggers/unified2.h, filled in by alert_event() of
 * src/loggers/unified2.cc. No file of it is published, so its bytes are written out here field by field.
 */
interface Snort3Event {
  readonly id: number
  /** The nibbles of pkt_ip_ver: version of source and destination. */
  readonly versions: number
  readonly source: readonly number[]
  readonly destination: readonly number[]
  readonly status?: number
  readonly action?: number
}

const u32 = (...values: readonly number[]) => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i)
  return bytes
}
const u16 = (...values: readonly number[]) => u32(...values).filter((_, i) => i % 4 > 1)

function snort3Event({ id, versions, source, destination, status = 0, action = 0 }: Snort3Event): Buffer {
  const body = Buffer.concat([
    u32(0, id, 1_700_000_000, 250_000), // snort_id, event_id, event_second, event_microsecond
    u32(1, 2_019_284, 3, 22, 2), // rule_gid, rule_sid, rule_rev, rule_class, rule_priority
    u32(7, 8, 9), // policy_id_context, policy_id_inspect, policy_id_detect
    u32(...source), // pkt_src_ip, four words
    u32(...destination), // pkt_dst_ip
    u32(16), // pkt_mpls_label
    u16(51_000, 443, 12, 0), // pkt_src_port_itype, pkt_dst_port_icode, pkt_vlan_id, pad2
    Buffer.from([versions, 6, status, action]), // pkt_ip_ver, pkt_ip_proto, status, action
    Buffer.from('https'.padEnd(64, '\0')), // app_name
  ])
  expect(body).toHaveLength(160)
  return u2Record(114, body)
}

const parse = unified2OrEve().compile([])
const FOUR = { versions: 0x44, source: [0, 0, 0, 0xcb007109], destination: [0, 0, 0, 0x0a000002] }

describe('an event of Snort 3', () => {
  it('has its rule, addresses, ports and application where Snort 3 puts them', () => {
    expect(parse(snort3Event({ id: 5, ...FOUR }))).toMatchObject({
      kind: 'alert',
      sensor: 'snort',
      event_id: 5,
      timestamp: '2023-11-14T22:13:20.250000Z',
      generator_id: 1,
      signature_id: 2_019_284,
      signature_revision: 3,
      classification_id: 22,
      priority: 2,
      protocol: 'tcp',
      source_ip: '203.0.113.9',
      source_port: 51_000,
      destination_ip: '10.0.0.2',
      destination_port: 443,
      mpls_label: 16,
      vlan_id: 12,
      app_name: 'https',
      blocked: 'no',
    })
  })

  it('has addresses of either kind at either end', () => {
    const six = [0x20010db8, 0, 0, 0x00070001]
    expect(parse(snort3Event({ id: 1, versions: 0x66, source: six, destination: six }))).toMatchObject({
      source_ip: '2001:db8::7:1',
      destination_ip: '2001:db8::7:1',
    })
    expect(parse(snort3Event({ id: 1, ...FOUR, versions: 0x64, source: six }))).toMatchObject({
      source_ip: '2001:db8::7:1',
      destination_ip: '10.0.0.2',
    })
  })

  it.each([
    ['passed', 0, 0, 'no'],
    ['dropped', 0, 1, 'yes'],
    ['could not be blocked', 1, 2, 'would have been'],
    ['would have been reset', 2, 3, 'would have been'],
    ['was forced', 3, 2, 'yes'],
  ])('says what became of its packet: %s', (_, status, action, blocked) => {
    expect(parse(snort3Event({ id: 1, ...FOUR, status, action }))).toMatchObject({ blocked })
  })

  it('begins a record that its packet belongs to', () => {
    const first = Buffer.concat([snort3Event({ id: 1, ...FOUR }), u2Packet(1, 'p')])
    const spool = Buffer.concat([first, snort3Event({ id: 2, ...FOUR })])
    expect(cutUnified2(spool)).toMatchObject({
      bounds: [0, first.length],
      openFrom: first.length,
      parsedTo: spool.length,
    })
    expect(parse(first)).toMatchObject({ kind: 'alert', event_id: 1, packets: [{ linktype: 1 }] })
  })
})
