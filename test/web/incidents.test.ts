import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Alert, SEVERITIES } from '../../lib/stream/alert.ts'
import { Incidents, mergeAlerts } from '../../web/src/client/incidents.ts'
import { SeenCursors } from '../../web/src/client/seen-cursors.ts'

const alertArbitrary = fc
  .record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    severity: fc.constantFrom(...SEVERITIES),
    score: fc.integer({ min: 0, max: 1_000 }),
    atMs: fc.integer({ min: 0, max: 1_000_000 }),
  })
  .map(({ id, severity, score, atMs }) => alert(id, { severity, score, firstSeenMs: atMs, lastSeenMs: atMs }))

describe('Incidents', () => {
  it('come out the same however the alerts are cut into frames', () => {
    const property = fc.property(
      fc.array(alertArbitrary, { maxLength: 40 }),
      fc.array(fc.nat({ max: 40 }), { maxLength: 6 }),
      (alerts, cuts) => {
        const whole = new Incidents()
        whole.add(alerts)
        const cut = new Incidents()
        const bounds = [0, ...cuts.map((at) => at % (alerts.length + 1)), alerts.length].sort((a, b) => a - b)
        for (let i = 1; i < bounds.length; i++) cut.add(grouped(alerts.slice(bounds[i - 1], bounds[i])))
        expect(byId(cut)).toEqual(byId(whole))
        expect(cut.newestFirst().reduce((sum, { count }) => sum + count, 0)).toBe(alerts.length)
      },
    )
    fc.assert(property, { numRuns: 300 })
  })

  it('are listed by first arrival, newest first, and stay in place when they grow', () => {
    const incidents = new Incidents()
    expect(incidents.add([alert('a'), alert('b')])).toBe(2)
    expect(incidents.add([alert('a'), alert('c')])).toBe(1)
    expect(incidents.newestFirst().map(({ id, count }) => `${id}${count}`)).toEqual(['c1', 'b1', 'a2'])
  })

  it('are never more than the limit: the first to arrive go', () => {
    const incidents = new Incidents(3)
    incidents.add(['a', 'b', 'c', 'd', 'e'].map((id) => alert(id)))
    expect(incidents.newestFirst().map(({ id }) => id)).toEqual(['e', 'd', 'c'])
    expect(incidents.get('a')).toBeUndefined()
    expect(incidents.size).toBe(3)
  })
})

describe('SeenCursors', () => {
  it('knows a cursor again as long as it is among the last', () => {
    const seen = new SeenCursors(2)
    expect([seen.add('1'), seen.add('1'), seen.add('2'), seen.add('3'), seen.add('1')]).toEqual([
      true,
      false,
      true,
      true,
      true,
    ])
  })
})

function alert(id: string, more: Partial<Alert> = {}): Alert {
  return {
    id,
    stream: 'network',
    severity: 'low',
    title: id,
    group: id,
    score: 1,
    threshold: 1,
    model: 'm',
    reasons: [],
    firstSeenMs: 1,
    lastSeenMs: 1,
    count: 1,
    origin: { site: 's', topic: 'network.raw.g1', partition: 0, offset: 0 },
    record: {},
    ...more,
  }
}

/** What a server does before it sends a frame: one alert per incident. */
function grouped(alerts: readonly Alert[]): readonly Alert[] {
  const known = new Map<string, Alert>()
  for (const one of alerts) {
    const before = known.get(one.id)
    known.set(one.id, before === undefined ? one : mergeAlerts(before, one))
  }
  return [...known.values()]
}

function byId(incidents: Incidents): readonly Alert[] {
  return [...incidents.newestFirst()].sort((a, b) => a.id.localeCompare(b.id))
}
