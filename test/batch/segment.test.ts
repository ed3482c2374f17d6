import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  blocksOf,
  keysOfBlock,
  nameOfContent,
  readFooter,
  readSegment,
  type SegmentKey,
  unpackBlock,
} from '../../lib/formats/segment.ts'
import { ByteSink, ByteSource } from '../../lib/formats/segment-bytes.ts'
import { bucketCount, bucketOf, compareKeys, keyHash } from '../../lib/formats/segment-order.ts'
import { SegmentWriter } from '../../lib/formats/segment-write.ts'

const SLOT_MS = 300_000
const FROM = 1_700_006_400_000

const inOrder = (keys: readonly SegmentKey[]) =>
  [...keys].sort((a, b) => compareKeys(keyHash(a.key), a.key, keyHash(b.key), b.key))

function write(keys: readonly SegmentKey[]) {
  const writer = new SegmentWriter({ slotMs: SLOT_MS, from: FROM })
  for (const key of inOrder(keys)) writer.add(key)
  return writer.finish()
}

const anyState = fc.tuple(fc.nat(), fc.oneof(fc.constant(null), fc.string({ maxLength: 200 })))
const anyKeys = fc
  .uniqueArray(
    fc.record({
      key: fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.toWellFormed()),
      rows: fc.uniqueArray(fc.tuple(fc.nat(287), anyState), {
        selector: ([slot]) => slot,
        minLength: 1,
        maxLength: 30,
      }),
    }),
    { selector: ({ key }) => key, maxLength: 60 },
  )
  .map((keys) =>
    keys.map(({ key, rows }): SegmentKey => {
      const sorted = rows.sort(([a], [b]) => a - b)
      return {
        key,
        slots: sorted.map(([slot]) => FROM + slot * SLOT_MS),
        states: sorted.map(([, state]) => state),
      }
    }),
  )

describe('a segment', () => {
  it('gives back what was written, in the order of keys', () => {
    fc.assert(
      fc.property(anyKeys, (keys) => {
        const { bytes, name } = write(keys)
        expect([...readSegment(bytes)]).toEqual(inOrder(keys))
        expect(nameOfContent(bytes)).toBe(name)
      }),
    )
  })

  it('has the same bytes and name for the same content, and another name for any other', () => {
    fc.assert(
      fc.property(anyKeys, fc.nat(), (keys, at) => {
        const written = write(keys)
        expect(write([...keys].reverse())).toEqual(written)
        const one = keys[at % Math.max(1, keys.length)]
        if (one === undefined) return
        const changed = { ...one, states: one.states.map((state) => [state]) }
        expect(write(keys.map((key) => (key === one ? changed : key))).name).not.toBe(written.name)
        expect(write(keys.filter((key) => key !== one)).name).not.toBe(written.name)
      }),
    )
  })

  it('finds one key in the blocks that its footer names, however large a key is', () => {
    const big = (key: string, rows: number): SegmentKey => ({
      key,
      slots: Array.from({ length: rows }, (_, i) => FROM + i * SLOT_MS),
      states: Array.from({ length: rows }, (_, i) => [key, i, 'x'.repeat(1000)]),
    })
    const keys = Array.from({ length: 200 }, (_, i) => big(`key${i}`, i % 40 === 0 ? 250 : 3))
    const { bytes, tailBytes } = write(keys)
    const footer = readFooter(bytes.subarray(bytes.length - tailBytes))
    expect(footer.blocks.length).toBeGreaterThan(20)
    for (const { key, slots, states } of keys) {
      const ranges = blocksOf(footer, key)
      expect(ranges.length).toBeLessThanOrEqual(10)
      const found = ranges.flatMap(({ start, end }) => [
        ...keysOfBlock(footer, unpackBlock(bytes.subarray(start, end)), key),
      ])
      expect(found.flatMap((piece) => piece.slots)).toEqual(slots)
      expect(found.flatMap((piece) => piece.states)).toEqual(states)
    }
    expect([...readSegment(bytes)]).toEqual(inOrder(keys))
  })

  it('refuses keys out of order, slots off the grid, and bytes that are not one', () => {
    const writer = new SegmentWriter({ slotMs: SLOT_MS, from: FROM })
    writer.add({ key: 'a', slots: [FROM], states: [1] })
    expect(() => writer.add({ key: 'a', slots: [FROM], states: [1] })).toThrow('in order')
    const other = () => new SegmentWriter({ slotMs: SLOT_MS, from: FROM })
    expect(() => other().add({ key: 'a', slots: [FROM + 1], states: [1] })).toThrow('multiples')
    expect(() => other().add({ key: 'a', slots: [FROM, FROM], states: [1, 1] })).toThrow('multiples')
    expect(() => other().add({ key: 'a', slots: [FROM - SLOT_MS], states: [1] })).toThrow('multiples')
    expect(() => readFooter(Buffer.from('not a segment'))).toThrow(TypeError)
  })

  it('notices a byte that was changed', () => {
    const { bytes } = write([{ key: 'a', slots: [FROM], states: [[1, 'x'.repeat(5000)]] }])
    const broken = Uint8Array.from(bytes)
    broken[20] = (broken[20] ?? 0) ^ 1
    expect(() => [...readSegment(broken)]).toThrow()
  })

  it('keeps its bytes: a change of them needs a new form', () => {
    const { name, keys, rows } = write([
      { key: 'http', slots: [FROM, FROM + SLOT_MS], states: [[3], [4]] },
      { key: 'smtp\u001fSF', slots: [FROM + 5 * SLOT_MS], states: [[1]] },
    ])
    expect({ name, keys, rows }).toEqual({
      name: '8e96b44d9cc943bce06aa7c891e0989602d006fb680d90cbd56bab2c41cb0858',
      keys: 2,
      rows: 3,
    })
  })
})

describe('the order of keys', () => {
  it('puts every bucket in one stretch, and buckets in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 200 }), fc.nat(6), (keys, power) => {
        const hashes = keys.map((key) => ({ key, hash: keyHash(key) }))
        const sorted = hashes.sort((a, b) => compareKeys(a.hash, a.key, b.hash, b.key))
        const buckets = sorted.map(({ hash }) => bucketOf(hash, 2 ** power))
        expect(buckets).toEqual([...buckets].sort((a, b) => a - b))
        for (const bucket of buckets) expect(bucket).toBeLessThan(2 ** power)
      }),
    )
  })

  it('spreads keys that differ little over the buckets', () => {
    const counts = new Map<number, number>()
    for (let i = 0; i < 64_000; i++) {
      const bucket = bucketOf(keyHash(`tag${i}`), 64)
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    expect(counts.size).toBe(64)
    expect(Math.min(...counts.values())).toBeGreaterThan(850)
    expect(Math.max(...counts.values())).toBeLessThan(1150)
  })

  it('cuts by keys and by rows', () => {
    expect([bucketCount(0, 0), bucketCount(4096, 9), bucketCount(4097, 9), bucketCount(70, 300_000)]).toEqual(
      [1, 1, 2, 4],
    )
    expect([keyHash(''), keyHash('http'), keyHash('Příklad')]).toEqual([2872998923, 4268727788, 669809438])
  })
})

describe('numbers and texts', () => {
  it('come back', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.maxSafeInteger(), fc.nat(300))), fc.string(), (numbers, text) => {
        const sink = new ByteSink(1)
        const all = numbers.map(Math.abs)
        for (const n of all) sink.varint(n)
        sink.text(text.toWellFormed())
        const source = new ByteSource(sink.take())
        expect(all.map(() => source.varint())).toEqual(all)
        expect(source.text()).toBe(text.toWellFormed())
        expect(source.done).toBe(true)
        expect(() => source.varint()).toThrow(RangeError)
      }),
    )
  })
})
