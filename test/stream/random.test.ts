import { describe, expect, it } from 'vitest'
import { below, seededRandom, shuffleFront } from '../../lib/stream/random.ts'

describe('seededRandom', () => {
  // No-regression: every model depends on these.
  it('gives the numbers it has always given', () => {
    const random = seededRandom(1)
    expect(Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32))).toMatchInlineSnapshot(`
      [
        2420951833,
        2513034076,
        3847892949,
        4064752930,
      ]
    `)
  })

  it('is even: 16 equal parts of [0, 1) hold the same share, within five standard deviations', () => {
    for (const seed of [0, 1, -7, 2 ** 40]) {
      const random = seededRandom(seed)
      const parts = new Uint32Array(16)
      for (let i = 0; i < 64_000; i++) {
        const part = below(random, 16)
        parts[part] = (parts[part] as number) + 1
      }
      for (const part of parts) expect(Math.abs(part - 4000)).toBeLessThan(5 * Math.sqrt(4000))
    }
  })

  it('takes whole seeds only', () => {
    expect(() => seededRandom(1.5)).toThrow(/whole number/)
  })
})

describe('shuffleFront', () => {
  it('keeps every element and moves a fair choice to the front', () => {
    const random = seededRandom(4)
    const first = new Uint32Array(5)
    for (let i = 0; i < 10_000; i++) {
      const items = Uint32Array.of(0, 1, 2, 3, 4)
      shuffleFront(items, 2, random)
      expect([...items].sort()).toEqual([0, 1, 2, 3, 4])
      first[items[0] as number] = (first[items[0] as number] as number) + 1
    }
    for (const count of first) expect(Math.abs(count - 2000)).toBeLessThan(200)
  })
})
