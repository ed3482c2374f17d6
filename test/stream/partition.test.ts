import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../lib/stream/partition.ts'

describe('murmur2', () => {
  // From Kafka's own test, org.apache.kafka.common.utils.UtilsTest.testMurmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %j as Kafka does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  it('is a signed 32-bit integer of the bytes alone, wherever they lie', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(7), (bytes, shift) => {
        const elsewhere = new Uint8Array(bytes.length + shift)
        elsewhere.set(bytes, shift)
        const hash = murmur2(bytes)
        expect(hash | 0).toBe(hash)
        expect(murmur2(elsewhere.subarray(shift))).toBe(hash)
      }),
    )
  })
})

describe('partitionOf', () => {
  it('is one of the partitions, the same for the same key', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 1000 }), (key, partitions) => {
        const partition = partitionOf(key, partitions)
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
        expect(partitionOf(key, partitions)).toBe(partition)
      }),
    )
  })

  it('drops the sign bit rather than taking the absolute value, as Kafka does', () => {
    expect(partitionOf(Buffer.from('21'), 1000)).toBe((-973932308 & 0x7fffffff) % 1000)
    expect((-973932308 & 0x7fffffff) % 1000).toBe(340)
  })

  it('spreads keys over all partitions', () => {
    const counts = new Array<number>(12).fill(0)
    for (let i = 0; i < 12_000; i++) {
      const partition = partitionOf(Buffer.from(`key-${i}`), 12)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('takes no number of partitions that is none', () => {
    for (const partitions of [0, -1, 1.5, Number.NaN])
      expect(() => partitionOf(Buffer.from('k'), partitions)).toThrow(RangeError)
  })
})
