import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AggregateDefinition } from '../../lib/stream/view-definition.ts'
import { aggregateOf } from '../../lib/views/aggregate.ts'
import { accuracyOf, bucketsPerOctave, cubicExp, cubicLog } from '../../lib/views/cubic-log.ts'
import { hashText, hashValue } from '../../lib/views/hash.ts'
import type { QuantileAnswer } from '../../lib/views/quantile.ts'
import type { TopValue } from '../../lib/views/top.ts'
import { seeded } from '../support/schedule.ts'
import { foldSamples, samplesOf, stored } from './folding.ts'

const answerTo = (definition: AggregateDefinition, values: readonly unknown[]) =>
  aggregateOf(definition).answer(foldSamples(definition, samplesOf('x', values)))

describe('distinct', () => {
  it.each([8, 10, 12, 14, 16])(
    'of precision %i keeps its standard error over the whole range',
    (precision) => {
      const definition: AggregateDefinition = { kind: 'distinct', field: 'x', precision }
      const standardError = 1.04 / Math.sqrt(2 ** precision)
      let squares = 0
      let sum = 0
      const sizes = [1, 3, 10, 40, 100].map((times) => (2 ** precision / 8) * times + 7)
      const rounds = precision <= 12 ? 12 : 3
      for (let round = 0; round < rounds; round++)
        for (const size of sizes) {
          const values = Array.from({ length: size }, (_, i) => `value ${round} ${i}`)
          const off = (Number(answerTo(definition, values)) - size) / size
          expect(Math.abs(off), `${size} values, round ${round}`).toBeLessThan(5 * standardError)
          squares += off * off
          sum += off
        }
      const n = rounds * sizes.length
      expect(Math.sqrt(squares / n)).toBeLessThan(1.35 * standardError)
      expect(Math.abs(sum / n)).toBeLessThan((3.5 * standardError) / Math.sqrt(n))
    },
  )

  it('is exact while it is a list, and then a few bytes a value', () => {
    const definition: AggregateDefinition = { kind: 'distinct', field: 'x' }
    for (const size of [1, 5, 100, 500]) {
      const values = Array.from({ length: size * 3 }, (_, i) => (i * 7) % size)
      expect(answerTo(definition, values)).toBe(size)
      const text = stored(definition, foldSamples(definition, samplesOf('x', values)))
      expect(text.length).toBeLessThan(6 * size + 8)
    }
    const full = Array.from({ length: 100_000 }, (_, i) => i)
    expect(stored(definition, foldSamples(definition, samplesOf('x', full))).length).toBe(4096 + 3)
  })
})

describe('top', () => {
  /** Zipf: the i-th value is drawn in proportion to 1 / i. */
  function zipf(different: number, count: number, seed: number): string[] {
    const random = seeded(seed)
    const norm = Math.log(different + 1)
    return Array.from({ length: count }, () => `v${Math.floor(Math.exp(random() * norm))}`)
  }

  function truth(values: readonly string[]): Map<string, number> {
    const counts = new Map<string, number>()
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
    return counts
  }

  it('is exact up to its capacity', () => {
    const values = zipf(900, 30_000, 1)
    const expected = [...truth(values)]
      .map(([value, count]) => ({ value, count, error: 0 }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
      .slice(0, 10)
    expect(answerTo({ kind: 'top', field: 'x' }, values)).toEqual(expected)
  })

  it.each([1, 2, 3])(
    'finds the frequent ones among far more values, with counts within the error (seed %i)',
    (seed) => {
      const values = zipf(200_000, 300_000, seed)
      const counts = truth(values)
      expect(counts.size).toBeGreaterThan(20_000)
      const answer = answerTo(
        { kind: 'top', field: 'x', k: 20, capacity: 1000 },
        values,
      ) as readonly TopValue[]
      const right = [...counts].sort(([, a], [, b]) => b - a).slice(0, 15)
      for (const [value, count] of right) {
        const found = answer.find((one) => one.value === value)
        expect(found, `${value}, ${count} times`).toBeDefined()
        expect(found?.count).toBeGreaterThanOrEqual(count)
        expect((found?.count ?? 0) - (found?.error ?? 0)).toBeLessThanOrEqual(count)
      }
      expect(answer[0]?.error).toBeLessThan(values.length * 0.0014)
    },
  )

  it('misses a value of share s among values that are all different about as rarely as it says', () => {
    const capacity = 64
    const definition: AggregateDefinition = { kind: 'top', field: 'x', k: 64, capacity }
    let missed = 0
    const rounds = 60
    for (let round = 0; round < rounds; round++) {
      // Ten values of 5 % each: each is missed with a chance of exp(-3.2), 4 %.
      const values = Array.from({ length: 2_000 }, (_, i) =>
        i % 2 === 0 ? `often ${(i / 2) % 10}` : `once ${i}`,
      )
      const samples = samplesOf('x', values).map(({ value, offset }) => ({
        value,
        offset: offset + round * 10_000,
      }))
      const answer = aggregateOf(definition).answer(foldSamples(definition, samples)) as readonly TopValue[]
      for (let i = 0; i < 10; i++) if (!answer.some(({ value }) => value === `often ${i}`)) missed++
    }
    expect(missed / (rounds * 10)).toBeLessThan(2 * Math.exp(-0.05 * capacity))
  })
})

describe('quantile', () => {
  const at = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 1]

  it.each([0.001, 0.01, 0.05])('is within %d of a true value', (accuracy) => {
    const definition: AggregateDefinition = { kind: 'quantile', field: 'x', at, accuracy }
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.double({ noNaN: true, noDefaultInfinity: true }),
            fc.integer({ min: -100, max: 10_000 }),
            fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
          ),
          { minLength: 1, maxLength: 200 },
        ),
        (values) => {
          const answer = answerTo(definition, values) as QuantileAnswer
          const sorted = [...values].sort((a, b) => a - b)
          expect(answer.count).toBe(values.length)
          expect(answer.relativeError).toBeLessThanOrEqual(accuracy)
          for (const [i, q] of at.entries()) {
            const exact = sorted[Math.floor(q * (sorted.length - 1))] ?? 0
            const found = Object.values(answer.values)[i] ?? Number.NaN
            // The stated bound, the last bits of the arithmetic, and what is taken for 0.
            expect(Math.abs(found - exact)).toBeLessThanOrEqual(
              Math.abs(exact) * (answer.relativeError + 1e-9) + 2 ** -1022,
            )
          }
        },
      ),
    )
  })

  it('stays bounded over any range, and says what its promise has become', () => {
    const values = Array.from(
      { length: 40_000 },
      (_, i) => (i % 2 === 0 ? 1 : -1) * 10 ** ((i / 40_000) * 60 - 30),
    )
    const definition: AggregateDefinition = { kind: 'quantile', field: 'x', at: [0.25, 0.75] }
    const answer = answerTo(definition, values) as QuantileAnswer
    expect(answer.relativeError).toBeGreaterThan(0.01)
    expect(answer.relativeError).toBeLessThan(0.2)
    const sorted = [...values].sort((a, b) => a - b)
    for (const [name, q] of [
      ['p25', 0.25],
      ['p75', 0.75],
    ] as const) {
      const exact = sorted[Math.floor(q * (sorted.length - 1))] ?? 0
      expect(Math.abs((answer.values[name] ?? 0) - exact)).toBeLessThanOrEqual(
        Math.abs(exact) * answer.relativeError * 1.0001,
      )
    }
    const state = foldSamples(definition, samplesOf('x', values))
    expect(stored(definition, state).length).toBeLessThan(12_000)
  })

  it('has a logarithm that grows, turns around, and is nowhere flatter than promised', () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -1000, max: 1e300, noNaN: true }), (x) => {
        expect(cubicLog(x * 1.0001)).toBeGreaterThan(cubicLog(x))
        const slope = (cubicLog(x * 1.0001) - cubicLog(x)) / Math.log(1.0001)
        expect(slope).toBeGreaterThan((10 / 7) * 0.9999)
        expect(Math.abs(cubicExp(cubicLog(x)) / x - 1)).toBeLessThan(1e-9)
      }),
    )
    expect(bucketsPerOctave(0.01)).toBe(35)
    expect(accuracyOf(35)).toBeLessThan(0.01)
  })
})

describe('hashes', () => {
  it('are MurmurHash3_x86_32 of the UTF-16 bytes', () => {
    // Vectors that I. Boyd published (https://stackoverflow.com/a/31929528): the bytes 21 43 65 87, then 21 43.
    expect(hashText('', 0)).toBe(0)
    expect(hashText('', 1)).toBe(0x514e28b7)
    expect(hashText('\u4321\u8765', 0)).toBe(0xf55b516b)
    expect(hashText('\u4321', 0)).toBe(0xa0f7b07a)
    // Texts, by a second implementation of the algorithm in Python.
    expect(hashText('Weir', 0x9747b28c)).toBe(0x9634449c)
    expect(hashText('hashtag', 0x9747b28c)).toBe(0x3450ff76)
    expect(hashText('naïve €', 0x9747b28c)).toBe(0xfc16bca1)
  })

  it('do not mix up types, and take 0 and -0 for one', () => {
    const of = (value: unknown) => {
      const out = new Uint32Array(2)
      return hashValue(value, out) ? `${out[0]} ${out[1]}` : undefined
    }
    expect(new Set([1, '1', true, 0, '', false].map(of)).size).toBe(6)
    expect(of(0)).toBe(of(-0))
    expect([null, undefined, {}, Number.NaN].map(of)).toEqual([undefined, undefined, undefined, undefined])
  })
})

/** Bytes that stored boards and segments are made of: they may change only together with a FORM. */
describe('stored bytes', () => {
  const file = new URL('./fixtures/states.json', import.meta.url)
  const cases = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly name: string
    readonly definition: AggregateDefinition
    /** Values of the field x by their number: `(i * step) % modulus + shift`, as text with this prefix where there is one. */
    readonly values: { count: number; step: number; modulus: number; shift: number; prefix?: string }
    readonly stored: string
    readonly answer: unknown
  }[]

  it.each(cases)('of $name are what they were', ({ definition, values, stored: expected, answer }) => {
    const { count, step, modulus, shift, prefix } = values
    const all = Array.from({ length: count }, (_, i) => {
      const n = ((i * step) % modulus) + shift
      return prefix === undefined ? n : `${prefix}${n}`
    })
    const state = foldSamples(definition, samplesOf('x', all))
    expect(stored(definition, state)).toBe(expected)
    expect(JSON.parse(JSON.stringify(aggregateOf(definition).answer(state)))).toEqual(answer)
  })
})
