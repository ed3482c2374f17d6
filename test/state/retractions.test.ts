import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  allRetractions,
  type RetractedStretch,
  readRetractions,
  recordRetraction,
  retractedRanges,
  retractionsDigest,
  withdrawRetraction,
} from '../../lib/state/retractions.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

const TOPIC = 'test.raw.g1'
const stretch = (from: number, to: number, partition = 0, topic = TOPIC): RetractedStretch => ({
  topic,
  partition,
  from,
  to,
})

describe('retractions', () => {
  it('are recorded once for a stretch, listed in order, each with its reason and time', async () => {
    const keyed = new MemoryKeyed()
    const late = await recordRetraction(keyed, stretch(100, 200, 1), 'sensor broken', 7)
    const early = await recordRetraction(keyed, stretch(5, 9), 'test data', 8)
    expect(await recordRetraction(keyed, stretch(100, 200, 1), 'another word', 9)).toEqual(late)
    expect(await readRetractions(keyed, 'test')).toEqual([early, late])
    expect(late).toMatchObject({ topic: TOPIC, partition: 1, reason: 'sensor broken', recordedMs: 7 })
    expect(await readRetractions(keyed, 'other')).toEqual([])
  })

  it('are withdrawn by a record of its own, and may be recorded again after it', async () => {
    const keyed = new MemoryKeyed()
    const { id } = await recordRetraction(keyed, stretch(0, 5), 'wrong', 1)
    expect(await withdrawRetraction(keyed, 'test', 'no-such-id', 'x', 2)).toBeUndefined()
    const withdrawn = { reason: 'was right', recordedMs: 3 }
    expect(await withdrawRetraction(keyed, 'test', id, 'was right', 3)).toMatchObject({ id, withdrawn })
    expect(await withdrawRetraction(keyed, 'test', id, 'again', 4)).toMatchObject({ withdrawn })
    expect(await readRetractions(keyed, 'test')).toEqual([])
    expect((await allRetractions(keyed, 'test')).length).toBe(1)
    await recordRetraction(keyed, stretch(0, 5), 'wrong after all', 5)
    expect(await readRetractions(keyed, 'test')).toMatchObject([
      { id, reason: 'wrong after all', recordedMs: 5 },
    ])
    await withdrawRetraction(keyed, 'test', id, 'never mind', 6)
    const third = await recordRetraction(keyed, stretch(0, 5), 'at last', 7)
    expect(third.withdrawn).toBeUndefined()
    expect(third.earlier).toEqual([
      { reason: 'wrong', recordedMs: 1, withdrawn },
      { reason: 'wrong after all', recordedMs: 5, withdrawn: { reason: 'never mind', recordedMs: 6 } },
    ])
    expect(await readRetractions(keyed, 'test')).toEqual([third])
  })

  it('refuse an empty stretch, and offsets of an enriched topic', async () => {
    const keyed = new MemoryKeyed()
    await expect(recordRetraction(keyed, stretch(5, 5), 'x', 1)).rejects.toThrow('nothing lies in [5, 5)')
    await expect(recordRetraction(keyed, stretch(-1, 5), 'x', 1)).rejects.toThrow(RangeError)
    const enriched = stretch(0, 5, 0, 'test.enriched.g1')
    await expect(recordRetraction(keyed, enriched, 'x', 1)).rejects.toThrow('not a raw topic')
  })

  const anyStretch = fc
    .tuple(fc.nat(40), fc.integer({ min: 1, max: 9 }), fc.nat(2), fc.constantFrom(TOPIC, 'test.raw.g2'))
    .map(([from, length, partition, topic]) => stretch(from, from + length, partition, topic))
  const offsets = (list: readonly { from: number; to: number }[]) =>
    new Set(list.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)))

  it('make disjoint ascending ranges of the same offsets', () => {
    fc.assert(
      fc.property(fc.array(anyStretch), (list) => {
        const here = list.filter(({ topic, partition }) => topic === TOPIC && partition === 1)
        const ranges = retractedRanges(list, TOPIC, 1)
        expect(offsets(ranges)).toEqual(new Set([...offsets(here)].sort((a, b) => a - b)))
        for (const [i, { from }] of ranges.entries()) expect(from).toBeGreaterThan(ranges[i - 1]?.to ?? -1)
      }),
    )
  })

  it('have a digest of which records they leave out, and of nothing else', () => {
    fc.assert(
      fc.property(fc.array(anyStretch), anyStretch, (list, more) => {
        const digest = retractionsDigest(list)
        const cut = list.flatMap((one) => [{ ...one, to: one.from + 1 }, one, { ...one, from: one.to - 1 }])
        expect(retractionsDigest(cut.reverse())).toBe(digest)
        const covered = retractedRanges(list, more.topic, more.partition).some(
          ({ from, to }) => from <= more.from && more.to <= to,
        )
        expect(retractionsDigest([...list, more]) === digest).toBe(covered)
      }),
    )
  })
})
