import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadAnswerError, type Delivered, failedFrom, type Stretch } from '../../lib/local/settle.ts'

const SEED = 20_261

/** Stretches in order, with gaps between some of them. */
const stretches: fc.Arbitrary<readonly Stretch[]> = fc
  .array(fc.record({ gap: fc.nat(3), count: fc.integer({ min: 1, max: 20 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => {
    let at = 0
    return parts.map(({ gap, count }) => {
      const from = at + gap
      at = from + count
      return { from, to: at }
    })
  })

const delivered: fc.Arbitrary<Delivered> = fc
  .dictionary(
    fc.integer({ min: 0, max: 9 }).map((n) => `t-${n}`),
    stretches,
    { minKeys: 1, maxKeys: 4 },
  )
  .map((lists) => new Map(Object.entries(lists).map(([name, of]) => [name, { stretches: of }])))

const identifier = fc.record({
  partition: fc.oneof(
    fc.integer({ min: 0, max: 11 }).map((n) => `t-${n}`),
    fc.constantFrom('', 't', '0', '__proto__'),
  ),
  offset: fc.oneof(fc.integer({ min: -2, max: 90 }), fc.constantFrom(0.5, Number.NaN, 2 ** 60)),
})

const answerOf = (identifiers: readonly { partition: unknown; offset: unknown }[]) => ({
  batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })),
})

/** What was delivered, offset by offset. */
function offsetsOf(lists: Delivered): ReadonlyMap<string, ReadonlySet<number>> {
  return new Map(
    [...lists].map(([name, { stretches: all }]) => [
      name,
      new Set(all.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))),
    ]),
  )
}

describe('the settling of a delivery', () => {
  it('moves to the first failure of each partition, and fails whole for anything that was not delivered', () => {
    let [good, bad] = [0, 0]
    fc.assert(
      fc.property(delivered, fc.array(identifier, { maxLength: 5 }), (lists, identifiers) => {
        const offsets = offsetsOf(lists)
        const known = identifiers.every(({ partition, offset }) => offsets.get(partition)?.has(offset))
        if (!known) {
          bad++
          expect(() => failedFrom(answerOf(identifiers), lists)).toThrow(BadAnswerError)
          return
        }
        good++
        const expected = new Map<string, number>()
        for (const { partition } of identifiers)
          expected.set(
            partition,
            Math.min(...identifiers.filter((one) => one.partition === partition).map(({ offset }) => offset)),
          )
        expect(failedFrom(answerOf(identifiers), lists)).toEqual(expected)
      }),
      { seed: SEED, numRuns: 2000 },
    )
    expect(Math.min(good, bad)).toBeGreaterThan(100)
  })

  it('takes every identifier that was delivered', () => {
    fc.assert(
      fc.property(delivered, (lists) => {
        for (const [partition, offsets] of offsetsOf(lists))
          for (const offset of offsets)
            expect(failedFrom(answerOf([{ partition, offset }]), lists)).toEqual(
              new Map([[partition, offset]]),
            )
      }),
      { seed: SEED },
    )
  })

  const one: Delivered = new Map([['t-0', { stretches: [{ from: 0, to: 3 }] }]])

  it.each([[undefined], [null], [{}], [{ batchItemFailures: null }], [{ batchItemFailures: [] }]])(
    'takes %j for success',
    (answer) => {
      expect(failedFrom(answer, one)).toEqual(new Map())
    },
  )

  it.each([
    ['done'],
    [7],
    [{ batchItemFailures: {} }],
    [{ batchItemFailures: [null] }],
    [{ batchItemFailures: [{}] }],
    [{ batchItemFailures: [{ itemIdentifier: '' }] }],
    [answerOf([{ partition: 't-0', offset: '1' }])],
    [answerOf([{ partition: '', offset: 1 }])],
  ])('fails the whole batch for %j', (answer) => {
    expect(() => failedFrom(answer, one)).toThrow(BadAnswerError)
  })
})
