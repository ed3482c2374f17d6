import { describe, expect, it } from 'vitest'
import { forest } from '../../lib/detect/forest.ts'
import type { Value } from '../../lib/stream/value.ts'
import { FIELDS, strangeRows, usualRows } from './rows.ts'

const detector = forest(FIELDS)
const rows = usualRows(3000, 21)
const scorer = detector.load(detector.train(rows, { seed: 5 }).bytes, 'v1')
const usual = rows.find(({ service, flag }) => service === 'http' && flag === 'SF') as Value

describe('reasons', () => {
  it.each([
    ['bytes', 90_000_000, /^bytes 90,000,000 is far above the usual [\d,]+ to [\d,]+$/],
    ['errors', 900, /^errors 900 is far above the usual 0/],
    ['error_rate', 1, /^error_rate 1 is above the usual 0 to 0\.[\d]+$/],
  ])('names %s first where it alone is changed to %s', (feature, value, text) => {
    const [first] = scorer.reasons({ ...usual, [feature]: value })
    expect(first).toMatchObject({ feature, value })
    expect(first?.text).toMatch(text)
  })

  it('says where a category is new', () => {
    const reasons = scorer.reasons({ ...usual, service: 'never seen' })
    expect(reasons.find(({ feature }) => feature === 'service')?.text).toBe(
      'service never seen was never seen in training',
    )
  })

  it('says how common a category is', () => {
    const rare = { ...usual, service: 'gopher' }
    const text = scorer.reasons(rare).find(({ feature }) => feature === 'service')?.text
    expect(text).toMatch(/^service gopher is rare \([\d.]+ %\); usual: (\w+ \d+ %(, )?){3}$/)
  })

  it('says where a field is missing', () => {
    const { bytes: _, ...without } = strangeRows(1, 22)[0] as Value
    const reasons = scorer.reasons({ ...without, flag: undefined })
    expect(reasons.length).toBeGreaterThan(0)
    for (const { feature, value, text } of reasons) {
      if (feature !== 'flag') continue
      expect(value).toBe('(missing)')
      expect(text).toBe('flag (missing) was never seen in training')
    }
  })

  it('are at most five, ordered, with shares that are shares', () => {
    for (const value of strangeRows(50, 23)) {
      const reasons = scorer.reasons(value)
      expect(reasons.length).toBeGreaterThan(0)
      expect(reasons.length).toBeLessThanOrEqual(5)
      const shares = reasons.map(({ share }) => share)
      expect(shares).toEqual([...shares].sort((a, b) => b - a))
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(1.0005)
      for (const { feature, text } of reasons) expect(text.startsWith(feature)).toBe(true)
    }
  })

  it('do not depend on what was scored before', () => {
    const value = strangeRows(1, 24)[0] as Value
    const before = scorer.reasons(value)
    scorer.scores(usualRows(600, 25))
    expect(scorer.reasons(value)).toEqual(before)
  })
})
