import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { calibrate } from '../../lib/detect/calibrate.ts'
import { seededRandom } from '../../lib/stream/random.ts'

const random = seededRandom(3)
const around = (centre: number, width: number, count: number) =>
  Array.from({ length: count }, () => centre + (random() - 0.5) * width)

describe('calibrate', () => {
  const usual = around(0.32, 0.03, 900)

  it('puts the threshold a little under half the way from the usual score to that of chance', () => {
    const { threshold } = calibrate(Float64Array.from([...usual, ...around(0.55, 0.05, 100)]))
    expect(threshold).toBeCloseTo(0.32 + 0.45 * 0.18, 2)
  })

  it('hardly moves between some and many attacks', () => {
    const some = calibrate(Float64Array.from([...usual, ...around(0.55, 0.05, 60)])).threshold
    const many = calibrate(Float64Array.from([...usual, ...around(0.55, 0.05, 200)])).threshold
    expect(Math.abs(many - some)).toBeLessThan(0.003)
  })

  it('leaves the highest few above where the scores form no two kinds', () => {
    const scores = Float64Array.from(around(0.5, 0.2, 1000))
    const { threshold } = calibrate(scores)
    expect(scores.filter((score) => score >= threshold)).toHaveLength(2)
  })

  it('asks more of a few: they are mostly the tail of what is usual', () => {
    const tail = around(0.45, 0.05, 10)
    const { threshold } = calibrate(Float64Array.from([...usual, ...tail]))
    expect(tail.filter((score) => score >= threshold).length).toBeLessThan(5)
  })

  it('never has more than a fifth of the signatures above it, and orders the severities', () => {
    const scores = fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), {
      minLength: 5,
      maxLength: 200,
    })
    fc.assert(
      fc.property(scores, (some) => {
        const { threshold, bands } = calibrate(Float64Array.from(some))
        expect(some.filter((score) => score > threshold).length).toBeLessThanOrEqual(some.length * 0.2)
        expect([threshold, ...bands]).toEqual([threshold, ...bands].sort((a, b) => a - b))
      }),
    )
  })
})
