import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { recordAt, recordsIn } from '../../lib/collect/block.ts'
import { Unified2Splitter } from '../../lib/collect/unified2-splitter.ts'
import { canonicalIp, ipBytes, ipText } from '../../lib/formats/ip.ts'
import {
  extraDataName,
  readUnified2Header,
  Unified2Error,
  type Unified2Record,
} from '../../lib/formats/unified2.ts'
import { cutUnified2 } from '../../lib/formats/unified2-cut.ts'
import { joinUnified2, unified2Records } from '../../lib/formats/unified2-event.ts'
import { u2Event, u2ExtraData, u2Packet, u2Record } from './unified2.ts'

const DATA = '../shared/data/nids'
const SPOOLS = ['merged.log', 'multi-record-event.log', 'ipv6-alert.unified2', 'djcas9-unified2-current.log']

describe.skipIf(!existsSync(DATA))(
  'spools written by Snort (skipped where ../shared/data/nids is absent)',
  () => {
    it.each(SPOOLS)('%s: every record equals the independent reader’s, field by field', (name) => {
      const records = [...unified2Records(readFileSync(join(DATA, name)))]
      expect(records.map(({ record }) => asExpected(record))).toEqual(expectedOf(name))
    })

    it.each(SPOOLS)('%s: one joined record per event, whatever the chunks', async (name) => {
      const bytes = readFileSync(join(DATA, name))
      const whole = await split([bytes])
      const events = expectedOf(name).filter(({ type }) => type === 'event')
      expect(whole.records.length).toBe(events.length)
      expect(Buffer.concat(whole.records).equals(bytes)).toBe(true)
      const pieces: Buffer[] = []
      for (let at = 0; at < bytes.length; at += 997) pieces.push(bytes.subarray(at, at + 997))
      expect((await split(pieces)).records).toEqual(whole.records)
      expect(whole.notices).toEqual([])
    })

    it.each([
      ['short-read-on-body.log', 12],
      ['short-read-on-header.log', 6],
    ])('%s: ends within a record and leaves the offset', async (name, left) => {
      const { records, notices, givenToByte } = await split([readFileSync(join(DATA, name))])
      expect(records).toEqual([])
      expect(givenToByte).toBe(0)
      expect(notices).toEqual([`spool: ends within a record, which begins at byte 0; ${left} bytes are left`])
    })
  },
)

describe('records of our own making', () => {
  const six = (last: number) => [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), last]

  it.each([7, 72, 99, 100, 104, 105, 111, 112])('reads an event of type %i', (type) => {
    const wide = [72, 100, 105, 112].includes(type)
    const bytes = u2Event({
      type,
      id: 9,
      ...(wide && { source: six(1), destination: six(2) }),
      flags: [0x20, 7, 1],
      mpls: 70_000,
      vlan: 12,
      policy: 3,
    })
    const [found] = [...unified2Records(bytes)]
    expect(found?.record).toMatchObject({
      kind: 'event',
      event_id: 9,
      source_ip: wide ? '2001:db8::1' : '10.0.0.1',
      destination_ip: wide ? '2001:db8::2' : '10.0.0.2',
      sport_itype: 1234,
      dport_icode: 80,
      protocol: 6,
      impact_flag: 0x20,
      impact: 7,
      blocked: 1,
      ...(type >= 99 && { mpls_label: 70_000 }),
      ...(type >= 104 && { vlan_id: 12, pad2: 3 }),
    })
    expect(found?.record).not.toHaveProperty('app_name')
    if (type < 99) expect(found?.record).not.toHaveProperty('mpls_label')
  })

  it('reads the application name behind an event', () => {
    const [found] = [...unified2Records(u2Event({ type: 111, id: 1, tail: 'dropbox\0\0\0\0\0\0\0\0\0' }))]
    expect(found?.record).toMatchObject({ app_name: 'dropbox' })
  })

  it('joins an event with its packets and extra data, and keeps a stray packet apart', async () => {
    const first = [u2Event({ type: 104, id: 1 }), u2ExtraData(1, 9, '/a'), u2Packet(1, 'x'), u2Packet(1, 'y')]
    const second = [u2Event({ type: 104, id: 2 }), u2Record(113, Buffer.from('stat'))]
    const stray = [u2Packet(1, 'late')]
    const { records } = await split([Buffer.concat([...first, ...second, ...stray])])
    expect(records).toEqual([Buffer.concat(first), Buffer.concat(second), Buffer.concat(stray)])
    const joined = joinUnified2(records[0] ?? Buffer.alloc(0))
    expect(joined.event?.event_id).toBe(1)
    expect(joined.packets.map(({ data }) => Buffer.from(data, 'base64').toString())).toEqual(['x', 'y'])
    expect(joined.extraData).toEqual([{ type: 'http_uri', text: '/a' }])
    expect(joinUnified2(records[1] ?? Buffer.alloc(0)).others).toEqual([
      { type: 113, base64: Buffer.from('stat').toString('base64') },
    ])
    expect(joinUnified2(records[2] ?? Buffer.alloc(0))).toMatchObject({
      event: undefined,
      id: { event_id: 1 },
    })
  })

  it('gives what stands before a corrupt header, tells where it is and leaves the rest', async () => {
    const good = u2Event({ type: 7, id: 1 })
    const bytes = Buffer.concat([
      good,
      Buffer.from([0, 0, 0, 250, 0, 0, 0, 1, 2, 3]),
      u2Event({ type: 7, id: 2 }),
    ])
    const { records, notices } = await split([bytes.subarray(0, 65), bytes.subarray(65)])
    expect(records).toEqual([good])
    expect(notices).toEqual([
      `spool: no unified2 record at byte ${good.length}: 250 is no record type of unified2; the rest of the file is left`,
    ])
  })

  it('does not wait for a record longer than any', () => {
    const header = Buffer.from([0, 0, 0, 2, 0x7f, 0, 0, 0])
    expect(() => readUnified2Header(header, 0)).toThrow(Unified2Error)
    expect(cutUnified2(header).corrupt).toContain('the header says')
  })

  it('refuses a packet that claims more than its record holds', () => {
    const bytes = u2Packet(1, 'abc')
    bytes.writeUInt32BE(4, 8 + 24)
    expect(() => [...unified2Records(bytes)]).toThrow('packet of 4 bytes in a record that has room for 3')
  })

  it('reads on at any event’s byte', async () => {
    const bytes = Buffer.concat([1, 2, 3].flatMap((id) => [u2Event({ type: 7, id }), u2Packet(id, 'p')]))
    const all = await split([bytes], 0)
    const from = all.positions[1] ?? 0
    expect((await split([bytes.subarray(from)], from)).positions).toEqual(all.positions.slice(1))
  })
})

describe('addresses', () => {
  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['FE80::D:0', 'fe80::d:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is %s (RFC 5952)', (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical)
    expect(ipText(ipBytes(canonical) ?? new Uint8Array())).toBe(canonical)
  })

  it.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    ':1',
    '1.2.3.4:80',
  ])('%j is none', (text) => expect(ipBytes(text)).toBeUndefined())
})

async function split(chunks: readonly Buffer[], fromByte?: number) {
  const notices: string[] = []
  const notice = (message: string) => notices.push(message)
  const splitter = new Unified2Splitter('spool', { notice, ...(fromByte !== undefined && { fromByte }) })
  const records: Buffer[] = []
  const positions: number[] = []
  for (const step of [...chunks.map((chunk) => () => splitter.push(chunk)), () => splitter.finish()])
    for await (const block of step()) {
      if (block.kind !== 'records') throw new Error('a large record')
      for (let i = 0; i < recordsIn(block); i++) records.push(Buffer.from(recordAt(block, i)))
      positions.push(...(block.positions ?? []))
    }
  return { records, positions, notices, givenToByte: splitter.givenToByte }
}

interface Expected {
  readonly type: string
}

function expectedOf(name: string): readonly Expected[] {
  const path = join(DATA, 'expected', `${name}.u2json.jsonl`)
  const text = existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`))
  const lines = text.toString().trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Expected)
}

/** A record as the independent reader prints it: dashes, addresses in full, data as base64. */
function asExpected(record: Unified2Record): unknown {
  const { kind, ...fields } = record
  const printed = Object.entries(fields).map(([name, value]) => {
    if (Buffer.isBuffer(value)) return [name, value.toString('base64')]
    return [name.replaceAll('_', '-'), name.endsWith('_ip') ? inFull(String(value)) : value]
  })
  const named = record.kind === 'extra-data' ? [['extra-data-type', extraDataName(record.type)]] : []
  return { type: kind, [kind]: Object.fromEntries([...named, ...printed]) }
}

function inFull(ip: string): string {
  if (!ip.includes(':')) return ip
  const [head = '', tail] = ip.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const missing = 8 - groups(head).length - groups(tail ?? '').length
  const all = [...groups(head), ...new Array<string>(missing).fill('0'), ...groups(tail ?? '')]
  return all.map((group) => group.padStart(4, '0')).join(':')
}
