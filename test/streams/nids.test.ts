import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Severity } from '../../lib/stream/detector.ts'
import { emptyTables } from '../../lib/stream/table.ts'
import type { Value } from '../../lib/stream/value.ts'
import { nids } from '../../streams/nids.ts'
import { u2Event, u2ExtraData, u2Packet } from '../formats/unified2.ts'

const DATA = '../shared/data/nids'
const ENRICHMENT = '../shared/data/enrichment'

function parsed(bytes: Buffer): Value {
  const result = nids.parse(bytes)
  if (!result.ok) throw new Error(result.reason)
  return result.value
}

function withTables(files: Readonly<Record<string, Uint8Array>>) {
  const tables: Record<string, unknown> = { ...emptyTables(nids.tables).tables }
  for (const [name, bytes] of Object.entries(files)) tables[name] = nids.tables[name]?.parse(bytes)
  return { version: 'set', tables }
}

describe('nids', () => {
  it('enriches an alert with what the tables say', () => {
    const bytes = Buffer.concat([
      u2Event({
        type: 104,
        id: 5,
        sid: 2351,
        classification: 2,
        priority: 0,
        source: [203, 0, 113, 9],
        vlan: 4,
      }),
      u2ExtraData(5, 10, 'example.org'),
      u2Packet(5, 'p'),
    ])
    const value = parsed(bytes)
    const files = {
      'sid-msg': Buffer.from('2351 || GPL NETBIOS overflow || cve,2003-0352\n'),
      classification: Buffer.from(
        'config classification: unknown,Unknown Traffic,3\nconfig classification: attempted-dos,Denial, 2\n',
      ),
      'bad-addresses': Buffer.from('203.0.113.9\n'),
      'cloud-networks': Buffer.from('203.0.113.0/24 acme\n'),
    }
    expect(nids.enrich(value, withTables(files))).toMatchObject({
      kind: 'alert',
      rule: '1:2351',
      message: 'GPL NETBIOS overflow',
      references: ['cve,2003-0352'],
      class: 'attempted-dos',
      urgency: 2,
      direction: 'inbound',
      bad_address: 'source',
      source_cloud: 'acme',
      vlan_id: 4,
      tables: 'set',
      extra_data: [{ type: 'http_hostname', text: 'example.org' }],
    })
    expect(nids.keyOf(value)).toBe('203.0.113.9')
    expect(nids.timeOf(value, 0)).toBe(1_700_000_000_250)
  })

  it('enriches without any table', () => {
    const value = nids.enrich(parsed(u2Event({ type: 7, id: 1 })))
    expect(value).toMatchObject({ rule: '1:100', message: '1:100', class: 'class 4', direction: 'internal' })
  })

  it('groups alerts by what is handled as one thing', () => {
    const scan = { rule: '1:5', class: 'attempted-recon', source_ip: '10.1.2.3', destination_ip: '192.0.2.1' }
    const cases: readonly (readonly [Value, Severity, string])[] = [
      [{ ...scan, direction: 'inbound' }, 'low', '1:5'],
      [{ ...scan, direction: 'inbound' }, 'critical', '1:5, grave'],
      [{ ...scan, direction: 'internal' }, 'low', 'scanning from 10.1.2.0/24'],
      [{ ...scan, direction: 'internal', class: 'Misc activity' }, 'low', '1:5'],
      [{ ...scan, direction: 'outbound' }, 'medium', '1:5'],
      [
        { ...scan, direction: 'outbound', class: 'A Network Trojan was detected' },
        'high',
        'malware to 192.0.2.1',
      ],
      [{ ...scan, direction: 'internal', source_ip: 'fd00::1:2:3:4' }, 'low', 'scanning from fd00::/64'],
    ]
    for (const [value, severity, group] of cases) expect(nids.alertGroup(value, severity)).toBe(group)
  })

  it('keeps a packet without its event, out of the views', () => {
    const value = parsed(u2Packet(3, 'late'))
    expect(nids.dropRule(value)).toBe('packets or extra data without their event')
    expect(value.packets).toHaveLength(1)
  })

  it('refuses bytes that are neither format, in words', () => {
    const cut = u2Event({ type: 7, id: 1 }).subarray(0, 30)
    expect(nids.parse(cut)).toMatchObject({ ok: false, stage: 'parse' })
    expect(nids.parse(Buffer.from('hello'))).toMatchObject({ ok: false, stage: 'parse' })
  })

  it.skipIf(!existsSync(ENRICHMENT))(
    'says country and network as MaxMind’s own answers do (skipped where absent)',
    () => {
      const geoip = readFileSync(join(ENRICHMENT, 'maxmind_GeoIP2-City-Test.mmdb'))
      const asn = readFileSync(join(ENRICHMENT, 'maxmind_GeoLite2-ASN-Test.mmdb'))
      const event = u2Event({ type: 104, id: 1, source: [81, 2, 69, 142], destination: [1, 128, 0, 1] })
      expect(nids.enrich(parsed(event), withTables({ geoip, asn }))).toMatchObject({
        source_country: 'GB',
        destination_as: 'AS1221 Telstra Pty Ltd',
      })
    },
  )

  it.skipIf(!existsSync(DATA))('takes Snort’s own maps (skipped where absent)', () => {
    const tables = withTables({
      'sid-msg': readFileSync(join(DATA, 'sid-msg.map')),
      'gen-msg': readFileSync(join(DATA, 'gen-msg.map')),
      classification: readFileSync(join(DATA, 'classification.config')),
    })
    const enriched = nids.enrich(
      parsed(u2Event({ type: 104, id: 1, gid: 120, sid: 3, classification: 3 })),
      tables,
    )
    expect(enriched).toMatchObject({
      rule: '120:3',
      class: 'bad-unknown',
      class_description: 'Potentially Bad Traffic',
    })
    const own = nids.enrich(parsed(u2Event({ type: 7, id: 1, gid: 116, sid: 1 })), tables)
    expect(own.message).toBe('snort_decoder: Not IPv4 datagram!')
    expect(() => nids.tables['sid-msg']?.parse(readFileSync(join(DATA, 'gen-msg.map')))).toThrow(
      'gen-msg.map?',
    )
  })
})
