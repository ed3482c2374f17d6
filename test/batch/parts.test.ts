import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeKeys } from '../../lib/batch/merge-keys.ts'
import { packedSegment, partialDirectory } from '../../lib/batch/partials.ts'
import { putSegment, UNSWEPT_MS } from '../../lib/batch/put-segment.ts'
import { shardsOf } from '../../lib/batch/shards.ts'
import {
  blocksOf,
  MAGIC,
  nameOfContent,
  readFooter,
  type SegmentKey,
  unpackBlock,
} from '../../lib/formats/segment.ts'
import { compareKeys, keyHash } from '../../lib/formats/segment-order.ts'
import { packSegments } from '../../lib/formats/segment-pack.ts'
import { SegmentWriter } from '../../lib/formats/segment-write.ts'
import type { MasterFile } from '../../lib/master/manifest.ts'
import { segmentKey } from '../../lib/state/batch-index.ts'
import {
  keepLease,
  leaseFence,
  RunLostError,
  RunRefusedError,
  readLease,
  releaseLease,
  takeLease,
} from '../../lib/state/batch-run.ts'
import { compileView } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

const SLOT_MS = 300_000
const view = compileView('test', 'byText', {
  title: '',
  groupBy: ['text'],
  slotMs: SLOT_MS,
  aggregates: { count: { kind: 'count' }, sum: { kind: 'sum', field: 'n' } },
})

const segmentOf = (keys: readonly SegmentKey[]) => {
  const writer = new SegmentWriter({ slotMs: SLOT_MS, from: 0 })
  for (const key of keys) writer.add(key)
  return writer.finish()
}

/** Cells [key, slot number, count], one for each key and slot. */
const anySource = fc.uniqueArray(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'ž', ''), fc.nat(20), fc.integer({ min: 1, max: 9 })),
  { selector: ([key, slot]) => `${key} ${slot}`, maxLength: 30 },
)

function keysOf(cells: readonly (readonly [string, number, number])[]): readonly SegmentKey[] {
  const names = [...new Set(cells.map(([key]) => key))]
  return names
    .sort((a, b) => compareKeys(keyHash(a), a, keyHash(b), b))
    .map((key) => {
      const own = cells.filter((cell) => cell[0] === key).sort((a, b) => a[1] - b[1])
      const slots = own.map(([, slot]) => slot * SLOT_MS)
      return { key, slots, states: own.map(([, , n]) => [n, n * 10]) }
    })
}

describe('merging sources', () => {
  it('gives every key once, in order, with the sums of all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySource, { maxLength: 6 }), async (sources) => {
        const opened = sources.map((cells) => {
          const keys = keysOf(cells)
          // In two segments, as a base of two buckets comes.
          const half = Math.floor(keys.length / 2)
          return async function* () {
            yield { key: 'a', bytes: segmentOf(keys.slice(0, half)).bytes }
            yield { key: 'b', bytes: segmentOf(keys.slice(half)).bytes }
          }
        })
        const merged: SegmentKey[] = []
        for await (const key of mergeKeys(view, opened)) merged.push(key)
        const sums = new Map<string, [string, number, number]>()
        for (const [key, slot, n] of sources.flat()) {
          const id = `${key} ${slot}`
          sums.set(id, [key, slot, (sums.get(id)?.[2] ?? 0) + n])
        }
        expect(merged).toEqual(keysOf([...sums.values()]))
      }),
      { numRuns: 300 },
    )
  })
})

describe('a partial', () => {
  it('says what it holds and where, also with more segments than its tail shows', async () => {
    const objects = new MemoryObjects()
    const segments = Array.from({ length: 900 }, (_, i) => {
      const { bytes, keys, rows } = segmentOf(keysOf([[`key${i}`, i % 7, 1]]))
      return { from: i * 86_400_000 + (i % 13), bytes, keys, rows }
    })
    await objects.put('p', packSegments(77, segments))
    const directory = await partialDirectory(objects, 'p')
    expect(directory.records).toBe(77)
    expect(directory.segments).toHaveLength(900)
    for (const i of [0, 450, 899]) {
      const found = directory.segments[i]
      if (found === undefined) throw new Error('no such segment')
      expect(await packedSegment(objects, 'p', found)).toEqual(Uint8Array.from(segments[i]?.bytes ?? []))
    }
    await expect(partialDirectory(objects, 'q')).rejects.toMatchObject({ code: 'CORRUPT' })
  })
})

describe('a segment that is there already', () => {
  const written = () => segmentOf(keysOf([['a', 1, 1]]))

  it('is kept as it is, whatever packed it', async () => {
    const objects = new MemoryObjects()
    const clock = { nowMs: () => 0 }
    const own = written()
    const key = segmentKey(view, own.name)
    const { bytes, ...counts } = own
    expect(await putSegment({ objects, clock }, view, own)).toEqual({ ...counts, sizeBytes: bytes.length })
    const other = repacked(bytes)
    expect(other.bytes.length).not.toBe(bytes.length)
    for (const repair of [false, true]) {
      await objects.put(key, other.bytes)
      const note = await putSegment({ objects, clock }, view, own, { repair })
      expect(note).toEqual({ ...counts, tailBytes: other.tailBytes, sizeBytes: other.bytes.length })
      expect((await objects.get(key))?.bytes).toEqual(Uint8Array.from(other.bytes))
    }
  })

  it('is put again where it is damaged and is to be repaired, or has another length', async () => {
    const objects = new MemoryObjects()
    const own = written()
    const { bytes, ...counts } = own
    const stores = { objects, clock: { nowMs: () => 0 } }
    const key = segmentKey(view, own.name)
    for (let at = 0; at < bytes.length; at++) {
      const bad = Buffer.from(bytes)
      bad[at] = (bad[at] ?? 0) ^ 1
      await objects.put(key, bad)
      expect(await putSegment(stores, view, own, { repair: true })).toEqual({
        ...counts,
        sizeBytes: bytes.length,
      })
      // A frame of zstd has bits that say nothing.
      expect(nameOfContent((await objects.get(key))?.bytes ?? bytes.subarray(1))).toBe(own.name)
    }
    await objects.put(key, bytes.subarray(1))
    await putSegment(stores, view, own)
    expect((await objects.get(key))?.bytes).toEqual(Uint8Array.from(bytes))
  })

  it('is put again before a sweep could take it for old', async () => {
    const objects = new MemoryObjects()
    let nowMs = 0
    const clock = { nowMs: () => nowMs }
    const own = written()
    await putSegment({ objects, clock }, view, own)
    nowMs = objects.nowMs = UNSWEPT_MS / 2 + 1
    await putSegment({ objects, clock }, view, own)
    expect((await objects.head(segmentKey(view, own.name)))?.modifiedMs).toBe(nowMs)
  })
})

describe('shards', () => {
  const EPOCH_MS = 60_000
  const file = (i: number, rows: number): MasterFile => ({
    ...{ key: `f${i}`, from: i * 10, to: i * 10 + rows, rows, sizeBytes: rows, sha256: '' },
    ...{ outcomes: { ok: rows, drop: 0, dead: 0 }, alerts: 0, minEventMs: 0, maxEventMs: 0 },
    ...{ minAppendMs: i * 30_000, maxAppendMs: i * 30_000 + 29_999 },
  })
  const at = (end: number) => ({ topic: 't.raw.g1', partition: 0, end, below: end, beyond: end })
  const all = Array.from({ length: 40 }, (_, i) => file(i, 10))
  const cut = (files: readonly MasterFile[], to: number, from?: number) =>
    shardsOf([{ at: at(400), files }], { epochMs: EPOCH_MS, to, from }, [], { rowsMin: 50 }).shards

  it('hold every file of their epochs once, in order', () => {
    const keys = (shards: ReturnType<typeof cut>) =>
      shards.flatMap(({ files }) => files.map(({ key }) => key))
    expect(keys(cut(all, 100))).toEqual(all.map(({ key }) => key))
    expect(keys(cut(all, 5))).toEqual(all.slice(0, 10).map(({ key }) => key))
    expect(keys(cut(all, 15, 5))).toEqual(all.slice(10, 30).map(({ key }) => key))
  })

  it('stay what they were when files come after them, so that their partials are used again', () => {
    const before = cut(all.slice(0, 30), 100)
    expect(cut(all, 100).slice(0, before.length)).toEqual(before)
    expect(cut(all, 12).slice(0, 4)).toEqual(cut(all, 100).slice(0, 4))
  })

  it('are never more than they may be, however many partitions there are, and hold every file once', () => {
    const anyPartitions = fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 }), {
      maxLength: 60,
      size: 'max',
    })
    fc.assert(
      fc.property(anyPartitions, fc.integer({ min: 1, max: 20 }), (partitions, shardsMax) => {
        const given = partitions.map((rows, partition) => ({
          at: { ...at(400), partition },
          files: rows.map((n, i) => ({
            ...file(i, n),
            key: `p${partition} f${i}`,
            from: i * 10,
            to: i * 10 + 1,
          })),
        }))
        const { shards } = shardsOf(given, { epochMs: EPOCH_MS, to: 100 }, [], { rowsMin: 1, shardsMax })
        expect(shards.length).toBeLessThanOrEqual(shardsMax)
        const keys = shards.flatMap(({ files }) => files.map(({ key }) => key))
        expect(keys).toEqual(given.flatMap(({ files }) => files.map(({ key }) => key)))
      }),
    )
  })

  it('say of a file what of it counts only where not all does', () => {
    const wide = { ...file(0, 10), minAppendMs: 0, maxAppendMs: 200_000 }
    const gone = [{ topic: 't.raw.g1', partition: 0, from: 3, to: 5 }]
    const [shard] = shardsOf(
      [{ at: at(8), files: [wide] }],
      { epochMs: EPOCH_MS, from: 1, to: 3 },
      gone,
    ).shards
    expect(shard?.files).toEqual([
      {
        ...{ topic: 't.raw.g1', partition: 0, key: 'f0', sizeBytes: 10, sha256: '', from: 0, to: 10 },
        ...{ fromEpoch: 1, toEpoch: 3, below: 8, without: [[3, 5]] },
      },
    ])
    const [whole] = shardsOf([{ at: at(10), files: [wide] }], { epochMs: EPOCH_MS, to: 9 }, []).shards
    expect(Object.keys(whole?.files[0] ?? {}).sort()).toEqual(
      ['from', 'key', 'partition', 'sha256', 'sizeBytes', 'to', 'topic'].sort(),
    )
  })
})

describe('the lease', () => {
  const LEASE_MS = 1000
  const world = () => {
    const clock = { ms: 5_000, nowMs: () => clock.ms }
    return { keyed: new MemoryKeyed(), clock }
  }

  it('is one run’s until it is given back or runs out', async () => {
    const at = world()
    await takeLease(at, 's', 'a', LEASE_MS)
    await expect(takeLease(at, 's', 'b', LEASE_MS)).rejects.toThrow(RunRefusedError)
    await takeLease(at, 's', 'a', LEASE_MS)
    await takeLease(at, 'other', 'b', LEASE_MS)
    await releaseLease(at, 's', 'b')
    expect(await readLease(at, 's')).toMatchObject({ run: 'a', sinceMs: 5_000 })
    await releaseLease(at, 's', 'a')
    await takeLease(at, 's', 'b', LEASE_MS)
    at.clock.ms += LEASE_MS
    await takeLease(at, 's', 'c', LEASE_MS)
    await expect(keepLease(at, 's', 'b', LEASE_MS)).rejects.toThrow(RunLostError)
    await expect(leaseFence(at, 's', 'b', LEASE_MS)).rejects.toThrow(RunLostError)
  })

  it('lasts as long as it is kept, and a fence taken before another took over does not hold', async () => {
    const at = world()
    await takeLease(at, 's', 'a', LEASE_MS)
    for (let i = 0; i < 5; i++) {
      at.clock.ms += LEASE_MS * 0.6
      await keepLease(at, 's', 'a', LEASE_MS)
      await expect(takeLease(at, 's', 'b', LEASE_MS)).rejects.toThrow(RunRefusedError)
    }
    const fence = await leaseFence(at, 's', 'a', LEASE_MS)
    at.clock.ms += LEASE_MS
    await takeLease(at, 's', 'b', LEASE_MS)
    expect(await at.keyed.transact([fence])).toEqual({ ok: false, failed: [0] })
  })
})

/** The same content as a release of zstd would have it that packs otherwise: here, without checksums. */
function repacked(bytes: Uint8Array) {
  const tail = Buffer.from(bytes).readUInt32LE(bytes.length - 8) + 8
  const footer = readFooter(bytes.subarray(bytes.length - tail))
  const blocks = blocksOf(footer).map(({ start, end }) =>
    zstdCompressSync(unpackBlock(bytes.subarray(start, end))),
  )
  const sized = footer.blocks.map((block, i) => ({ ...block, sizeBytes: blocks[i]?.length ?? 0 }))
  const packed = zstdCompressSync(Buffer.from(JSON.stringify({ ...footer, blocks: sized })))
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(packed.length)
  trailer.write(MAGIC, 4, 'latin1')
  return { bytes: Buffer.concat([...blocks, packed, trailer]), tailBytes: packed.length + 8 }
}
