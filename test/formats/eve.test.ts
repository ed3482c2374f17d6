import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseEve } from '../../lib/formats/eve.ts'
import { FormatError } from '../../lib/stream/format.ts'

const DATA = '../shared/data/nids/suricata'

const EVENT = {
  timestamp: '2024-05-01T10:00:00.123456+0200',
  flow_id: 77,
  event_type: 'alert',
  src_ip: '2001:0db8:0000:0000:0000:0000:0000:0001',
  src_port: 4904,
  dest_ip: '192.168.0.2',
  dest_port: 22,
  proto: 'TCP',
  alert: {
    action: 'blocked',
    gid: 1,
    signature_id: 7,
    rev: 2,
    signature: 'Scan',
    category: 'Recon',
    severity: 2,
  },
}
const parse = (event: unknown) => parseEve(Buffer.from(JSON.stringify(event)))

describe('EVE JSON', () => {
  it('gives an alert the names that Snort’s have, and keeps the rest', () => {
    const fields = parse({ ...EVENT, http: { hostname: 'example.org' } })
    expect(fields).toEqual({
      kind: 'alert',
      sensor: 'suricata',
      event_type: 'alert',
      timestamp: '2024-05-01T10:00:00.123456+02:00',
      source_ip: '2001:db8::1',
      source_port: 4904,
      destination_ip: '192.168.0.2',
      destination_port: 22,
      protocol: 'tcp',
      generator_id: 1,
      signature_id: 7,
      signature_revision: 2,
      priority: 2,
      signature: 'Scan',
      category: 'Recon',
      blocked: 'yes',
      flow_id: 77,
      http: { hostname: 'example.org' },
    })
  })

  it('keeps events that are no alerts', () => {
    expect(parse({ event_type: 'stats', stats: { uptime: 1 } })).toEqual({
      kind: 'other',
      sensor: 'suricata',
      event_type: 'stats',
      stats: { uptime: 1 },
    })
  })

  it.each([
    [{ src_ip: '1.2.3.4' }, 'event_type'],
    [{ ...EVENT, alert: {} }, 'alert'],
    [{ ...EVENT, src_ip: 'localhost' }, 'src_ip'],
    [{ ...EVENT, timestamp: 'yesterday' }, 'timestamp'],
  ])('says which field is wrong without quoting it', (event, field) => {
    expect(() => parse(event)).toThrow(FormatError)
    expect(() => parse(event)).toThrow(new RegExp(`^${field}: expected`))
  })

  it.skipIf(!existsSync(DATA))(
    'reads every alert that Suricata wrote (skipped where the data is absent)',
    () => {
      const files = ['first-org-conf-2015.alerts.json', 'wrccdc-2018.alerts.json']
      const events = files.flatMap(
        (file) => JSON.parse(readFileSync(join(DATA, file), 'utf8')) as (typeof EVENT)[],
      )
      expect(events.length).toBe(343)
      for (const event of events) {
        const fields = parse(event)
        expect(fields).toMatchObject({
          kind: 'alert',
          source_ip: event.src_ip,
          destination_port: event.dest_port,
          signature_id: event.alert.signature_id,
          priority: event.alert.severity,
        })
        expect(Date.parse(String(fields.timestamp))).not.toBeNaN()
      }
    },
  )
})
