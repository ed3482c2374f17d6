import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EntryText, entryOrigin, firstSeen, OriginGapError } from '../../lib/speed/first-seen.ts'
import { NO_PROGRESS, type Progress } from '../../lib/state/progress.ts'
import { writeEntry } from '../../lib/stream/entry.ts'

const entry = (offset: number, origin: number): EntryText => ({ offset, origin, text: `${origin}` })

/** An enriched partition: closed downwards, with stretches of origins written again. */
const enriched = fc
  .array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 4 })), { minLength: 1, maxLength: 30 })
  .map((steps) => {
    const origins: number[] = []
    let next = 0
    for (const [fresh, back] of steps) {
      for (let origin = Math.max(0, next - back); origin < next + fresh; origin++) origins.push(origin)
      next += fresh
    }
    return origins.map((origin, offset) => entry(offset, origin))
  })

describe('first seen', () => {
  it('takes every origin once, in order, however the partition is cut and delivered again', () => {
    fc.assert(
      fc.property(enriched, fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 5 }))), (log, cuts) => {
        let progress: Progress = NO_PROGRESS
        const taken: number[] = []
        for (const [length, back] of [...cuts, [log.length, log.length] as const]) {
          const from = Math.max(0, progress.nextOffset - back)
          const result = firstSeen('test', progress, log.slice(from, progress.nextOffset + length), [])
          taken.push(...result.seen.map(({ origin }) => origin))
          progress = result.progress
        }
        const highest = Math.max(-1, ...log.map(({ origin }) => origin))
        expect(taken).toEqual(Array.from({ length: highest + 1 }, (_, i) => i))
        expect(progress.highestOrigin).toBe(highest)
      }),
    )
  })

  it('takes the first decision about an origin, not a later one', () => {
    const first = { ...entry(0, 0), text: 'first' }
    const second = { ...entry(1, 0), text: 'second' }
    expect(firstSeen('test', NO_PROGRESS, [first, second], []).seen).toEqual([first])
  })

  it('stops at a missing origin', () => {
    expect(() => firstSeen('count x-0', NO_PROGRESS, [entry(0, 0), entry(1, 2)], [])).toThrow(OriginGapError)
    expect(() => firstSeen('count x-0', NO_PROGRESS, [entry(0, 3)], [])).toThrow(/expected origin 0, found 3/)
  })

  it('passes a gap that is recorded as lost, and no other', () => {
    const lost = [
      { from: 1, to: 3 },
      { from: 3, to: 5 },
    ]
    const log = [entry(0, 0), entry(1, 5)]
    expect(firstSeen('test', NO_PROGRESS, log, lost).seen.map(({ origin }) => origin)).toEqual([0, 5])
    expect(() => firstSeen('test', NO_PROGRESS, [entry(0, 0), entry(1, 6)], lost)).toThrow(OriginGapError)
  })
})

describe('a topic that was made again under the same name', () => {
  it('stops the stage instead of having its entries dropped', () => {
    const progress = { nextOffset: 10, highestOrigin: 9 }
    expect(() => firstSeen('count x-0', progress, [entry(0, 10)], [])).toThrow(/made again/)
    expect(firstSeen('count x-0', progress, [entry(0, 0), entry(9, 9)], []).seen).toEqual([])
  })
})

describe('the origin in an entry text', () => {
  it('is read without parsing the rest', () => {
    const head = {
      site: 's',
      topic: 'a.raw.g1',
      partition: 3,
      offset: 12_345_678,
      appendTime: 1,
      eventTime: 1,
    }
    const text = writeEntry({ ...head, outcome: 'ok', value: { offset: 7, text: '"offset":9' } })
    expect(entryOrigin(text)).toBe(12_345_678)
  })

  it('is missed loudly', () => {
    expect(() => entryOrigin('{"value":1}')).toThrow(/not an entry/)
  })
})
