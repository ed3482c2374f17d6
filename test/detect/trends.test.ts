import { createReadStream, existsSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordAt } from '../../lib/collect/block.ts'
import { readLines } from '../../lib/collect/lines.ts'
import { type Slide, Trends, type TrendsState } from '../../lib/detect/trends.ts'
import { logGamma, logTailOf } from '../../lib/detect/trends-tail.ts'
import { Watermark } from '../../lib/detect/trends-watermark.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { posts } from '../../streams/posts.ts'

const DELAY_MS = 20_000
const SLIDE_MS = 10_000

interface Use {
  readonly key: string
  readonly timeMs: number
}

/** Slides as they come, the watermark 20 s behind the greatest event time. */
function slidesOf(uses: readonly Use[], options: { windowMs?: number; k?: number } = {}): Slide[] {
  const trends = new Trends(options)
  const slides: Slide[] = []
  let greatest = Number.NEGATIVE_INFINITY
  for (const { key, timeMs } of uses) {
    trends.add(key, timeMs)
    greatest = Math.max(greatest, timeMs)
    slides.push(...trends.closeTo(greatest - DELAY_MS))
  }
  return slides
}

/** The uses that count, by the words of the contract: those whose slot has not ended at the watermark before them. */
function inTime(uses: readonly Use[]): { readonly counted: readonly Use[]; readonly watermarkMs: number } {
  let greatest = Number.NEGATIVE_INFINITY
  const counted = uses.filter(({ timeMs }) => {
    const slotEnd = (Math.floor(timeMs / SLIDE_MS) + 1) * SLIDE_MS
    const late = slotEnd <= greatest - DELAY_MS
    greatest = Math.max(greatest, timeMs)
    return !late
  })
  return { counted, watermarkMs: greatest - DELAY_MS }
}

function countedAnew(uses: readonly Use[], { from, to }: Slide, k: number) {
  const counts = new Map<string, number>()
  for (const { key, timeMs } of uses)
    if (timeMs >= from && timeMs < to) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts]
    .map(([key, count]) => ({ key, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
    .slice(0, k)
}

/** Every slide whose window holds a use that counts, and the top of each. */
function expectExact(uses: readonly Use[], slides: readonly Slide[], windowMs: number, k: number): void {
  const { counted, watermarkMs } = inTime(uses)
  for (const slide of slides) expect(slide.top).toEqual(countedAnew(counted, slide, k))
  const ends = new Set<number>()
  for (const { timeMs } of counted) {
    const first = (Math.floor(timeMs / SLIDE_MS) + 1) * SLIDE_MS
    for (let to = first; to < first + windowMs && to <= watermarkMs; to += SLIDE_MS) ends.add(to)
  }
  const held = slides.filter(({ uses: n }) => n > 0).map(({ to }) => to)
  expect(held).toEqual([...ends].sort((a, b) => a - b))
  for (const [i, { to }] of slides.entries()) expect(to).toBeGreaterThan(slides[i - 1]?.to ?? 0)
}

describe('trends', () => {
  it('are the counts of every window, whatever comes late or out of order', () => {
    const use = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'é'),
      step: fc.oneof(fc.integer({ min: 0, max: 8_000 }), fc.integer({ min: -70_000, max: 90_000 })),
    })
    fc.assert(
      fc.property(
        fc.array(use, { maxLength: 120 }),
        fc.constantFrom(10_000, 60_000, 600_000),
        (steps, windowMs) => {
          let timeMs = 1_000_000
          const uses = steps.map(({ key, step }) => {
            timeMs = Math.max(0, timeMs + step)
            return { key, timeMs }
          })
          expectExact(uses, slidesOf(uses, { windowMs, k: 3 }), windowMs, 3)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('say how many uses came too late', () => {
    const slides = slidesOf([
      { key: 'a', timeMs: 0 },
      { key: 'a', timeMs: 60_000 },
      { key: 'late', timeMs: 39_999 },
      { key: 'b', timeMs: 40_000 },
      { key: 'a', timeMs: 75_000 },
    ])
    expect(slides.map(({ to, uses, late }) => [to, uses, late])).toEqual([
      [10_000, 1, 0],
      [20_000, 1, 0],
      [30_000, 1, 0],
      [40_000, 1, 0],
      [50_000, 2, 1],
    ])
  })

  it('forget keys that nobody uses any more, and stay exact', () => {
    const trends = new Trends({ windowMs: 20_000, k: 2, bursts: { halfLifeSlots: 1 } })
    for (let slot = 0; slot < 60; slot++) {
      for (let i = 0; i < 3_000; i++) trends.add(`${slot}/${i}`, slot * SLIDE_MS)
      trends.add('always', slot * SLIDE_MS, 5)
      trends.add(`${slot}/7`, slot * SLIDE_MS)
      const [slide] = trends.closeTo((slot + 1) * SLIDE_MS)
      const uses = slot === 0 ? 5 : 10
      const second = slot === 0 ? '0/7' : `${slot - 1}/7`
      expect(slide?.top).toEqual([
        { key: 'always', count: uses },
        { key: second < `${slot}/7` ? second : `${slot}/7`, count: 2 },
      ])
    }
    expect(trends.keys).toBeLessThan(135_000)
  })

  it('find a burst within two slides, tell it once, and know nothing of a busier stream', () => {
    const trends = new Trends()
    const bursts: [string, number][] = []
    for (let slot = 0; slot < 200; slot++) {
      const busy = slot >= 150 ? 4 : 1
      for (let i = 0; i < 50; i++) trends.add(`tag ${i}`, slot * SLIDE_MS, 4 * busy)
      if (slot >= 100 && slot < 110) trends.add('tag 3', slot * SLIDE_MS, 30)
      for (const slide of trends.closeTo((slot + 1) * SLIDE_MS))
        for (const { key } of slide.bursts) bursts.push([key, slot])
    }
    expect(bursts).toHaveLength(1)
    expect(bursts[0]?.[0]).toBe('tag 3')
    expect(bursts[0]?.[1]).toBeLessThanOrEqual(101)
  })
})

describe('a state of trends', () => {
  /** Slots of uses: a few common tags, rare ones, now and then one that bursts, and pauses. */
  function slotsOf(
    seed: number,
    slots: number,
  ): readonly (readonly [slot: number, tags: readonly string[]])[] {
    const random = seededRandom(seed)
    let slot = 1_000
    return Array.from({ length: slots }, (_, i) => {
      slot += random() < 0.02 ? 100 : 1
      const tags = Array.from({ length: 30 }, () => `t${Math.floor(60 * random() ** 3)}`)
      if (i % 90 === 80) for (let n = 0; n < 40; n++) tags.push(`burst ${i}`)
      return [slot, tags] as const
    })
  }

  it('goes on as if nothing had happened, wherever it is taken, to the bit', () => {
    const cuts = seededRandom(99)
    let bursts = 0
    for (const seed of [1, 2, 3]) {
      const whole = new Trends()
      let cut = new Trends()
      for (const [slot, tags] of slotsOf(seed, 400)) {
        for (const trends of [whole, cut]) for (const tag of tags) trends.add(tag, slot * SLIDE_MS)
        // With uses in open slots, too.
        if (cuts() < 0.3) cut = Trends.fromState(JSON.parse(JSON.stringify(cut.toState())) as TrendsState)
        if (cuts() < 0.2) continue
        const slides = whole.closeTo(slot * SLIDE_MS)
        expect(cut.closeTo(slot * SLIDE_MS)).toEqual(slides)
        bursts += slides.reduce((sum, slide) => sum + slide.bursts.length, 0)
      }
      expect(cut.toState()).toEqual(whole.toState())
    }
    expect(bursts).toBeGreaterThan(3)
  })

  it('is refused where slides or windows are of another length', () => {
    const state = new Trends({ windowMs: 300_000 }).toState()
    expect(() => Trends.fromState(state)).toThrow(/30 slots of 10000 ms, is no state of 60 slots of 10000 ms/)
  })
})

describe('the tail', () => {
  it('is the sum of the distribution', () => {
    for (const [x, r, p] of [
      [3, 0.5, 0.1],
      [12, 4.5, 0.3],
      [40, 20.5, 0.4],
    ] as const) {
      let pmf = (1 - p) ** r
      let below = 0
      for (let k = 0; k < x; k++) {
        below += pmf
        pmf *= ((k + r) / (k + 1)) * p
      }
      expect(Math.exp(logTailOf(x, r, p))).toBeCloseTo(1 - below, 12)
    }
  })

  it('uses a logarithm of the gamma function that is right', () => {
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 11)
    expect(logGamma(11)).toBeCloseTo(Math.log(3_628_800), 11)
    expect(logGamma(1)).toBeCloseTo(0, 11)
  })
})

describe('the watermark', () => {
  it('is the least of the partitions, less the delay; idle ones are left out, which is told', () => {
    const watermark = new Watermark({ idleMs: 1_000 })
    const running = { atRest: false }
    expect(watermark.at(0)).toEqual({ ...running, timeMs: Number.NEGATIVE_INFINITY, provisional: false })
    watermark.see(0, 100_000, 0)
    watermark.see(1, 70_000, 0)
    watermark.see(1, 60_000, 0)
    expect(watermark.at(500)).toEqual({ ...running, timeMs: 50_000, provisional: false })
    watermark.see(0, 110_000, 900)
    expect(watermark.at(1_500)).toEqual({ ...running, timeMs: 90_000, provisional: true })
    watermark.see(1, 80_000, 1_600)
    expect(watermark.at(1_700)).toEqual({ ...running, timeMs: 90_000, provisional: false })
  })

  it('stands still while all are idle, and goes to the last record of all once they are at rest', () => {
    const watermark = new Watermark({ idleMs: 1_000, restMs: 5_000 })
    watermark.see(0, 100_000, 0)
    watermark.see(1, 70_000, 2_000)
    watermark.see(2, Number.NEGATIVE_INFINITY, 1_500)
    expect(watermark.at(2_000).timeMs).toBe(Number.NEGATIVE_INFINITY)
    expect(watermark.at(2_500)).toEqual({ timeMs: 50_000, provisional: true, atRest: false })
    expect(watermark.at(6_999)).toEqual({ timeMs: 50_000, provisional: true, atRest: false })
    expect(watermark.at(7_000)).toEqual({ timeMs: 100_000, provisional: true, atRest: true })
  })
})

const FILE = '../shared/data/posts/mayweather_mcgregor_tweets.csv'

describe.skipIf(!existsSync(FILE))(
  'trends of real posts (skipped where ../shared/data/posts is absent)',
  () => {
    it('are those of a count from scratch, at every slide', async () => {
      const uses: Use[] = []
      for await (const block of readLines(createReadStream(FILE), { framing: posts.framing, name: FILE })) {
        if (block.kind !== 'records') continue
        for (let i = 0; i < block.count; i++) {
          const parsed = posts.parse(recordAt(block, i))
          if (!parsed.ok) continue
          const { hashtags } = posts.enrich(parsed.value) as { hashtags: string[] }
          const timeMs = posts.timeOf(parsed.value, 0) ?? 0
          for (const key of hashtags) uses.push({ key, timeMs })
        }
      }
      expect(uses).toHaveLength(14_495)
      const slides = slidesOf(uses)
      expect(slides.length).toBeGreaterThan(400)
      expectExact(uses, slides, 600_000, 10)
    })
  },
)
