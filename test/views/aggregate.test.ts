import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AggregateDefinition } from '../../lib/stream/view-definition.ts'
import { aggregateOf } from '../../lib/views/aggregate.ts'
import { foldSamples, type Sample, samplesOf, stored } from './folding.ts'

/** The sketches twice: with room for everything, and so small that they overflow all the time. */
const DEFINITIONS: Readonly<Record<string, AggregateDefinition>> = {
  count: { kind: 'count' },
  sum: { kind: 'sum', field: 'x' },
  'sum of cents': { kind: 'sum', field: 'x', decimals: 2 },
  mean: { kind: 'mean', field: 'x' },
  'mean of cents': { kind: 'mean', field: 'x', decimals: 2 },
  min: { kind: 'min', field: 'x' },
  max: { kind: 'max', field: 'x' },
  ratio: { kind: 'ratio', field: 'x', by: 'y', decimals: 1 },
  share: { kind: 'share', where: [{ field: 'text', in: ['a', 'b'] }] },
  'share of two conditions': {
    kind: 'share',
    where: [
      { field: 'text', in: ['a', 'b'] },
      { field: 'y', in: [0, 1, 2, 3] },
    ],
  },
  distinct: { kind: 'distinct', field: 'text' },
  'distinct, mixed kinds': { kind: 'distinct', field: 'x' },
  'distinct, overflowing': { kind: 'distinct', field: 'x', precision: 8 },
  top: { kind: 'top', field: 'text' },
  'top, overflowing': { kind: 'top', field: 'text', capacity: 8 },
  quantile: { kind: 'quantile', field: 'x', at: [0, 0.5, 1] },
  'quantile, joining buckets': { kind: 'quantile', field: 'wide', at: [0.5], accuracy: 0.001 },
  histogram: { kind: 'histogram', field: 'x', bounds: [-10, 0, 0.5, 1e6] },
}

/** Records with the fields and without, numbers whose sum leaves the safe integers, and repeated texts. */
const record = fc.record(
  {
    x: fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
      fc.maxSafeInteger(),
      fc.constantFrom(0, -0, 0.5, 1, null, true, '1'),
    ),
    y: fc.integer({ min: -5, max: 5 }),
    text: fc.oneof(
      fc.constantFrom('a', 'b', 'c', '__proto__'),
      fc.string(),
      fc.array(fc.string(), { maxLength: 3 }),
    ),
    // So many numbers at once that a thousand buckets are not enough.
    wide: fc
      .integer({ min: 0, max: 2 ** 30 })
      .map((seed) => (seed % 2 === 0 ? 1 : -1) * 1.0017 ** (seed % 30_000)),
  },
  { requiredKeys: [] },
)

const samples = fc
  .array(record, { maxLength: 60 })
  .map((values): Sample[] => values.map((value, offset) => ({ value, offset })))

/** A record more than 1,024 buckets hold, in three parts. */
const wide = (from: number) =>
  samplesOf(
    'wide',
    Array.from({ length: 900 }, (_, i) => 1.0021 ** (from + i * 7)),
  )

describe.each(Object.entries(DEFINITIONS))('aggregate %s', (name, definition) => {
  const aggregate = aggregateOf(definition)
  const text = (state: unknown) => stored(definition, state)
  /** Records that fill any of the sketches, now and then. */
  const many = name.includes('joining')
    ? fc.oneof(samples, fc.nat(5_000).map(wide))
    : name.includes('distinct, overflowing')
      ? fc.oneof(
          samples,
          fc.nat(200).map((from) =>
            samplesOf(
              'x',
              Array.from({ length: 50 }, (_, i) => from + i),
            ),
          ),
        )
      : samples
  const fold = (a: readonly Sample[]) => foldSamples(definition, a)

  it('has an identity', () => {
    fc.assert(
      fc.property(many, (a) => {
        expect(text(aggregate.merge(aggregate.empty, fold(a)))).toEqual(text(fold(a)))
        expect(text(aggregate.merge(fold(a), aggregate.empty))).toEqual(text(fold(a)))
      }),
    )
  })

  it('merges in any order and grouping to the byte', () => {
    fc.assert(
      fc.property(many, many, many, (a, b, c) => {
        const [x, y, z] = [fold(a), fold(b), fold(c)]
        expect(text(aggregate.merge(x, y))).toEqual(text(aggregate.merge(y, x)))
        expect(text(aggregate.merge(aggregate.merge(x, y), z))).toEqual(
          text(aggregate.merge(x, aggregate.merge(y, z))),
        )
      }),
    )
  })

  it('gives the same from parts as from the whole, in any order of the records', () => {
    fc.assert(
      fc.property(many, fc.nat(), fc.infiniteStream(fc.nat()), (all, cut, dice) => {
        const at = all.length === 0 ? 0 : cut % all.length
        expect(text(aggregate.merge(fold(all.slice(0, at)), fold(all.slice(at))))).toEqual(text(fold(all)))
        const shuffled = all
          .map((sample) => ({ sample, at: dice.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ sample }) => sample)
        expect(text(fold(shuffled))).toEqual(text(fold(all)))
      }),
    )
  })

  it('comes back from its stored form, and goes on from there', () => {
    fc.assert(
      fc.property(many, many, (a, b) => {
        const back = aggregate.fromJson(JSON.parse(text(fold(a))))
        expect(text(back)).toBe(text(fold(a)))
        expect(aggregate.answer(back)).toEqual(aggregate.answer(fold(a)))
        expect(text(aggregate.merge(back, fold(b)))).toBe(text(aggregate.merge(fold(a), fold(b))))
      }),
    )
  })

  it('leaves the states that it works on as they were', () => {
    fc.assert(
      fc.property(many, many, (a, b) => {
        const [x, y] = [fold(a), fold(b)]
        const before = [text(x), text(y)]
        aggregate.merge(x, y)
        aggregate.fold(x).add([[1], [2]], 0, 3)
        expect([text(x), text(y)]).toEqual(before)
      }),
    )
  })

  it('refuses what it did not store', () => {
    for (const wrong of [
      { no: 'state' },
      [],
      [1],
      'x',
      'c!',
      'rAAA',
      [[['a', -1, 0]]],
      [-1, 0, null, null, [], []],
    ])
      expect(() => aggregate.fromJson(wrong), JSON.stringify(wrong)).toThrow(TypeError)
  })
})

describe('answers', () => {
  const answer = (definition: AggregateDefinition, xs: readonly unknown[]) =>
    aggregateOf(definition).answer(foldSamples(definition, samplesOf('x', xs)))

  it('are exact where floats are not', () => {
    expect(answer({ kind: 'sum', field: 'x', decimals: 2 }, [0.1, 0.2])).toBe(0.3)
    expect(answer({ kind: 'sum', field: 'x', decimals: 2 }, Array(1000).fill(0.01))).toBe(10)
    expect(answer({ kind: 'sum', field: 'x' }, [Number.MAX_SAFE_INTEGER, 2])).toBe('9007199254740993')
    expect(answer({ kind: 'sum', field: 'x', decimals: 1 }, [-0.5, 0.2])).toBe(-0.3)
  })

  it('are null for no records, and never 0 for no minimum', () => {
    expect(answer({ kind: 'min', field: 'x' }, [])).toBeNull()
    expect(answer({ kind: 'mean', field: 'x' }, [])).toBeNull()
    expect(answer({ kind: 'max', field: 'x' }, [-3, -1])).toBe(-1)
    expect(answer({ kind: 'mean', field: 'x' }, [1, 2])).toBe(1.5)
    expect(answer({ kind: 'share', where: [{ field: 'x', in: [1] }] }, [])).toBeNull()
    expect(answer({ kind: 'ratio', field: 'x', by: 'x' }, [0])).toBeNull()
    expect(answer({ kind: 'quantile', field: 'x', at: [0.5] }, [])).toMatchObject({
      count: 0,
      values: { p50: null },
    })
    expect(answer({ kind: 'top', field: 'x' }, [])).toEqual([])
    expect(answer({ kind: 'distinct', field: 'x' }, [])).toBe(0)
  })

  it('are shares and ratios of whole numbers', () => {
    const share: AggregateDefinition = { kind: 'share', where: [{ field: 'x', in: [1, 'one'] }] }
    expect(answer(share, [1, 2, 'one', null])).toBe(0.5)
    const ratio: AggregateDefinition = { kind: 'ratio', field: 'x', by: 'y', decimals: 1 }
    const state = foldSamples(ratio, [
      { value: { x: 0.1, y: 2 }, offset: 0 },
      { value: { x: 0.2, y: 1 }, offset: 1 },
      { value: { x: 100 }, offset: 2 },
    ])
    expect(aggregateOf(ratio).answer(state)).toBe(0.1)
  })

  it('put a value that equals a bound below it', () => {
    const definition: AggregateDefinition = { kind: 'histogram', field: 'x', bounds: [0, 10] }
    expect(answer(definition, [-1, 0, 0.1, 10, 11, 'text'])).toEqual({ bounds: [0, 10], counts: [2, 2, 1] })
  })

  it('list the most frequent first, those that are level by name, and no more than were asked for', () => {
    const definition: AggregateDefinition = { kind: 'top', field: 'x', k: 3 }
    expect(answer(definition, ['b', 'c', 'c', 'a', 'd', ['e', 'c']])).toEqual([
      { value: 'c', count: 3, error: 0 },
      { value: 'a', count: 1, error: 0 },
      { value: 'b', count: 1, error: 0 },
    ])
  })

  it('count a text and a number apart, and 0 and -0 once', () => {
    expect(answer({ kind: 'distinct', field: 'x' }, [1, '1', true, 'true', 0, -0, [1, 'x', ['y']]])).toBe(7)
  })
})
