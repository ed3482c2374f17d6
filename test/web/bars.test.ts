import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { QueryRow } from '../../lib/serve/dashboard-messages.ts'
import { barTable, pairTable } from '../../web/src/state/bars.ts'

const row = (key: string, count: unknown, fields: Record<string, unknown> = { key }): QueryRow => ({
  key,
  fields,
  from: 0,
  to: 1,
  count,
})
const options = { aggregate: 'count', additive: true, top: 3 }

describe('bars', () => {
  it('are the largest first, with shares of the whole, and what is left over as one', () => {
    const rows = [row('a', 10), row('b', 40), row('c', 5), row('d', 25), row('e', 20)]
    const table = barTable(rows, options)
    expect(table.bars).toEqual([
      { key: 'b', label: 'b', value: 40, share: 0.4 },
      { key: 'd', label: 'd', value: 25, share: 0.25 },
      { key: 'e', label: 'e', value: 20, share: 0.2 },
    ])
    expect(table.others).toEqual({ key: '', label: '2 others', value: 15, share: 0.15 })
    expect(table).toMatchObject({ keys: 5, total: 100, ordinal: false })
  })

  it('keep the order of age bands', () => {
    const rows = ['50+', '10-14', '40-49', '15-17'].map((key, i) => row(key, i))
    const { bars, ordinal } = barTable(rows, options)
    expect(ordinal).toBe(true)
    expect(bars.map(({ key }) => key)).toEqual(['10-14', '15-17', '40-49', '50+'])
  })

  it('do not take one key more as "others": it has room', () => {
    const rows = ['a', 'b', 'c', 'd'].map((key) => row(key, 1))
    expect(barTable(rows, options)).toMatchObject({ others: undefined, bars: { length: 4 } })
  })

  it('add up decimals to their last place', () => {
    const table = barTable([row('a', '0.10'), row('b', '0.20'), row('c', 1234.5)], options)
    expect(table).toMatchObject({ total: 1234.8, decimals: 2 })
  })

  it('have no shares where the aggregate does not add up', () => {
    const table = barTable([row('a', 3), row('b', 4)], { ...options, additive: false })
    expect(table.bars.map(({ share }) => share)).toEqual([undefined, undefined])
  })

  it('leave out what is no number', () => {
    expect(barTable([row('a', null), row('b', undefined), row('c', 1)], options).keys).toBe(1)
  })

  it('always add up to the total', () => {
    const rows = fc.uniqueArray(fc.tuple(fc.string(), fc.nat(1e6)), { selector: ([key]) => key })
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 10 }), (pairs, top) => {
        const table = barTable(
          pairs.map(([key, value]) => row(key, value)),
          { ...options, top },
        )
        const shown = [...table.bars, ...(table.others === undefined ? [] : [table.others])]
        expect(shown.reduce((sum, { value }) => sum + value, 0)).toBe(table.total)
        expect(table.total).toBe(pairs.reduce((sum, [, value]) => sum + value, 0))
      }),
      { seed: 5 },
    )
  })
})

describe('bars of two fields', () => {
  const pair = (age: string, gender: string, count: number) =>
    row(`${age}|${gender}`, count, { age_band: age, gender })

  it('are parts of the first field, the same parts in each, the largest part first', () => {
    const rows = [pair('18-24', 'Male', 2), pair('18-24', 'Female', 3), pair('10-14', 'Female', 1)]
    const table = pairTable(rows, 'count')
    expect(table?.parts).toEqual(['Female', 'Male'])
    expect(table?.bars.map(({ key, value, parts }) => ({ key, value, parts }))).toEqual([
      { key: '10-14', value: 1, parts: [1, 0] },
      { key: '18-24', value: 5, parts: [3, 2] },
    ])
    expect(table?.total).toBe(6)
  })

  it('are none where there are too many parts, or one field', () => {
    const rows = ['a', 'b', 'c', 'd', 'e'].map((part) => pair('x', part, 1))
    expect(pairTable(rows, 'count')).toBeUndefined()
    expect(pairTable([row('a', 1)], 'count')).toBeUndefined()
    expect(pairTable([], 'count')).toBeUndefined()
  })
})
