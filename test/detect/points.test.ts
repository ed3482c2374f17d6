import { describe, expect, it } from 'vitest'
import { points } from '../../lib/detect/points.ts'
import { nids } from '../../streams/nids.ts'

const scorer = points({
  version: 'v',
  severities: [
    { severity: 'high', from: 0.8 },
    { severity: 'medium', from: 0.5 },
  ],
  rules: [
    { field: 'a', points: { 1: 0.5, 2: 0.9 }, because: 'is a' },
    { field: 'b', points: { yes: 0.3, no: -0.2 }, because: 'is b' },
  ],
})

describe('points', () => {
  it.each([
    [{ a: 1 }, 0.5, 'medium'],
    [{ a: 1, b: 'yes' }, 0.8, 'high'],
    [{ a: 2, b: 'yes' }, 1, 'high'],
    [{ b: 'no' }, 0, undefined],
    [{ a: 'toString' }, 0, undefined],
  ])('%j scores %d', (value, score, severity) => {
    expect([...scorer.scores([value])]).toEqual([score])
    expect(scorer.severity(score)).toBe(severity)
  })

  it('explains what raised a score, most first', () => {
    expect(scorer.threshold).toBe(0.5)
    expect(scorer.reasons({ a: 1, b: 'yes' }).map(({ feature, text }) => [feature, text])).toEqual([
      ['a', 'a 1 is a'],
      ['b', 'b yes is b'],
    ])
  })

  it('tells grave intrusions from noise, and from what was stopped', () => {
    const severityOf = (value: Record<string, unknown>) =>
      nids.scorer?.severity(nids.scorer.scores([value])[0] ?? 0)
    expect(severityOf({ urgency: 1, direction: 'inbound' })).toBe('medium')
    expect(severityOf({ urgency: 1, direction: 'inbound', bad_address: 'source' })).toBe('critical')
    expect(severityOf({ urgency: 2, direction: 'outbound', bad_address: 'destination' })).toBe('high')
    expect(severityOf({ urgency: 3, direction: 'inbound' })).toBeUndefined()
    expect(severityOf({ urgency: 2, direction: 'inbound' })).toBe('low')
    expect(severityOf({ urgency: 1, direction: 'inbound', blocked: 'yes' })).toBe('low')
    expect(severityOf({ urgency: 2, direction: 'inbound', blocked: 'yes' })).toBeUndefined()
  })
})
