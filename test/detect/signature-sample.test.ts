import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coarseNumber, coarseRate, SignatureSample } from '../../lib/detect/signature-sample.ts'
import { FIELDS, usualRows } from './rows.ts'

const options = { signaturesMax: 1000, seed: 1 }

function sampleOf(rows: Iterable<Readonly<Record<string, unknown>>>, settings = options): SignatureSample {
  const sample = new SignatureSample(FIELDS, settings)
  for (const row of rows) sample.add(row)
  return sample
}

describe('the coarse signature', () => {
  it.each([
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 2],
    [54_540, 15],
    [-3, -2],
    [2 ** 40, 40],
    [2 ** 31 - 2, 30],
    [2 ** 31 - 1, 31],
  ])('puts %d in bucket %d', (x, bucket) => {
    expect(coarseNumber(x)).toBe(bucket)
  })

  it('is sign x floor(log2(|x| + 1)) for every number', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), (x) => {
        const bucket = Math.floor(Math.log2(Math.abs(x) + 1))
        expect(coarseNumber(x)).toBe(x < 0 ? -bucket : bucket)
      }),
    )
  })

  it('rounds rates to quarters', () => {
    expect([0, 0.1, 0.13, 0.5, 0.9, 1].map(coarseRate)).toEqual([0, 0, 1, 2, 4, 4])
  })
})

describe('SignatureSample', () => {
  it('keeps one row a signature, the first, and counts the others', () => {
    const flood = { bytes: 1032, packets: 1, errors: 0, error_rate: 0, service: 'ecr_i', flag: 'SF' }
    const other = { ...flood, service: 'http' }
    const sample = sampleOf([flood, { ...flood, bytes: 1100 }, other, flood])
    expect(sample.rowsSeen).toBe(4)
    expect(sample.size).toBe(2)
    expect([...sample.counts]).toEqual([3, 1])
    expect(sample.rows[0]).toBe(1032)
    expect(sample.categories).toEqual([['ecr_i', 'http'], ['SF']])
  })

  it('is the same however often its rows are repeated', () => {
    const rows = usualRows(500, 3)
    expect(sampleOf([...rows, ...rows, ...rows]).rows).toEqual(sampleOf(rows).rows)
  })

  it('tells a missing number from zero and a missing category from a text', () => {
    const sample = sampleOf([{ bytes: 0 }, { bytes: Number.NaN }, { bytes: 0, flag: 'null' }])
    expect(sample.size).toBe(3)
    expect(sample.categories[1]).toEqual([null, 'null'])
  })

  it('stays within its bound, with exact counts of what stays', () => {
    const rows = usualRows(5000, 4)
    const all = sampleOf(rows, { signaturesMax: 100_000, seed: 9 })
    const bounded = sampleOf(rows, { signaturesMax: 40, seed: 9 })
    expect(all.capped).toBe(false)
    expect(bounded.capped).toBe(true)
    expect(bounded.size).toBeLessThanOrEqual(40)
    expect(bounded.size).toBeGreaterThan(10)
    const counts = new Map([...keyed(all)])
    for (const [key, count] of keyed(bounded)) expect(counts.get(key)).toBe(count)
  })

  it('samples the distinct signatures evenly: another seed, another sample', () => {
    const rows = usualRows(5000, 4)
    const a = keyed(sampleOf(rows, { signaturesMax: 40, seed: 1 }))
    const b = keyed(sampleOf(rows, { signaturesMax: 40, seed: 2 }))
    expect(a.map(([key]) => key)).not.toEqual(b.map(([key]) => key))
  })
})

function keyed(sample: SignatureSample): [string, number][] {
  const width = sample.rows.length / sample.size
  const names = sample.categories
  return [...sample.counts].map((count, i) => {
    const row = [...sample.rows.subarray(i * width, (i + 1) * width)]
    const services = names[0]?.[row[4] ?? 0]
    const flag = names[1]?.[row[5] ?? 0]
    return [JSON.stringify([...row.slice(0, 4), services, flag]), count]
  })
}
