import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ForestModel } from '../../lib/detect/model.ts'
import { cutsBelow, Quantiser } from '../../lib/detect/quantise.ts'

const numbers = fc.double({ noNaN: true, noDefaultInfinity: true })

function model(cuts: readonly number[]): ForestModel {
  return {
    features: { numeric: ['x'], rates: [], categorical: ['kind'] },
    categories: [['common', null, 'rare']],
    orders: { count: 2, ranks: [Uint16Array.of(0, 2, 1, 1, 2, 0)] },
    medians: [10],
    trees: {
      depthMax: 1,
      depthUnits: Float64Array.of(1),
      column: new Uint16Array(0),
      operand: new Uint16Array(0),
      cuts: [Float64Array.from(cuts)],
    },
    threshold: 0.5,
    bands: [0.5, 0.5, 0.5],
    usual: [],
  }
}

function ranksOf(quantiser: Quantiser, value: Readonly<Record<string, unknown>>): number[] {
  const row = new Uint16Array(quantiser.width)
  quantiser.write(value, row, 0)
  return [...row]
}

describe('Quantiser', () => {
  it('compares ranks exactly as values compare with cuts', () => {
    fc.assert(
      fc.property(fc.uniqueArray(numbers, { minLength: 1 }), fc.array(numbers), (some, values) => {
        const cuts = [...some].sort((a, b) => a - b)
        const quantiser = new Quantiser(model(cuts))
        for (const x of [...values, ...cuts, ...values]) {
          const [rank = -1] = ranksOf(quantiser, { x })
          cuts.forEach((cut, i) => {
            expect(x <= cut).toBe(rank <= i)
          })
        }
      }),
    )
  })

  it('remembers values without mixing up those that share a place', () => {
    const quantiser = new Quantiser(model(Array.from({ length: 3000 }, (_, i) => i)))
    for (let round = 0; round < 2; round++)
      for (let x = 0; x < 3000; x++) expect(ranksOf(quantiser, { x: x + 0.5 })[0]).toBe(x + 1)
  })

  it('takes the median for a missing number', () => {
    const quantiser = new Quantiser(model([5, 15]))
    for (const x of [undefined, null, 'text', Number.NaN]) expect(ranksOf(quantiser, { x })[0]).toBe(1)
  })

  it('ranks a category in each order, and one never seen as the rarest', () => {
    const quantiser = new Quantiser(model([]))
    expect(ranksOf(quantiser, { kind: 'common' }).slice(1)).toEqual([0, 2])
    expect(ranksOf(quantiser, {}).slice(1)).toEqual([1, 1])
    expect(ranksOf(quantiser, { kind: 'rare' }).slice(1)).toEqual([2, 0])
    expect(ranksOf(quantiser, { kind: 'never seen' }).slice(1)).toEqual([2, 0])
  })
})

describe('cutsBelow', () => {
  it('counts the cuts below a value', () => {
    expect([0, 1, 1.5, 2, 9].map((x) => cutsBelow(Float64Array.of(1, 2, 3), x))).toEqual([0, 0, 1, 1, 3])
  })
})
