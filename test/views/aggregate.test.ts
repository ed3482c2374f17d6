import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AggregateDefinition } from '../../lib/stream/view-definition.ts'
import { aggregateOf } from '../../lib/views/aggregate.ts'

const DEFINITIONS: Readonly<Record<string, AggregateDefinition>> = {
  count: { kind: 'count' },
  sum: { kind: 'sum', field: 'x' },
  'sum of cents': { kind: 'sum', field: 'x', decimals: 2 },
  mean: { kind: 'mean', field: 'x' },
  'mean of cents': { kind: 'mean', field: 'x', decimals: 2 },
  min: { kind: 'min', field: 'x' },
  max: { kind: 'max', field: 'x' },
}

/** Records with the field, without it, and with numbers whose sum leaves the safe integers. */
const records = fc.array(
  fc.record(
    {
      x: fc.oneof(
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
        fc.maxSafeInteger(),
      ),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 40 },
)

describe.each(Object.entries(DEFINITIONS))('aggregate %s', (_, definition) => {
  const aggregate = aggregateOf(definition)
  const fold = (values: readonly object[]) =>
    values.reduce<unknown>((state, value) => aggregate.add(state, { ...value }), aggregate.empty)

  it('has an identity', () => {
    fc.assert(
      fc.property(records, (a) => {
        expect(aggregate.merge(aggregate.empty, fold(a))).toEqual(fold(a))
        expect(aggregate.merge(fold(a), aggregate.empty)).toEqual(fold(a))
      }),
    )
  })

  it('merges in any order and grouping to the bit', () => {
    fc.assert(
      fc.property(records, records, records, (a, b, c) => {
        const [x, y, z] = [fold(a), fold(b), fold(c)]
        expect(aggregate.merge(x, y)).toEqual(aggregate.merge(y, x))
        expect(aggregate.merge(aggregate.merge(x, y), z)).toEqual(aggregate.merge(x, aggregate.merge(y, z)))
      }),
    )
  })

  it('gives the same from parts as from the whole', () => {
    fc.assert(
      fc.property(records, fc.nat(), (all, cut) => {
        const at = all.length === 0 ? 0 : cut % all.length
        expect(aggregate.merge(fold(all.slice(0, at)), fold(all.slice(at)))).toEqual(fold(all))
      }),
    )
  })

  it('comes back from its stored form', () => {
    fc.assert(
      fc.property(records, (a) => {
        const stored: unknown = JSON.parse(JSON.stringify(aggregate.toJson(fold(a))))
        expect(aggregate.fromJson(stored)).toEqual(fold(a))
      }),
    )
  })

  it('refuses what it did not store', () => {
    expect(() => aggregate.fromJson({ no: 'state' })).toThrow(TypeError)
  })
})

describe('answers', () => {
  const answer = (definition: AggregateDefinition, xs: readonly number[]) => {
    const aggregate = aggregateOf(definition)
    return aggregate.answer(xs.reduce<unknown>((state, x) => aggregate.add(state, { x }), aggregate.empty))
  }

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
  })
})
