import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SegmentKey } from '../../lib/formats/segment.ts'
import { bucketOf, compareKeys, keyHash } from '../../lib/formats/segment-order.ts'
import { SegmentWriter } from '../../lib/formats/segment-write.ts'
import { BatchCache } from '../../lib/state/batch-cache.ts'
import { readExpiredBefore, recordExpired } from '../../lib/state/batch-expired.ts'
import { type BatchChunk, chunkMsOf, indexObject, segmentKey } from '../../lib/state/batch-index.ts'
import { entryOf, loadBatchPointer, pointerItem, readBatchPointer } from '../../lib/state/batch-pointer.ts'
import { type BatchRow, type RowsWanted, readBatchRows } from '../../lib/state/batch-rows.ts'
import { versionName } from '../../lib/state/view-since.ts'
import { compileView } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

const SLOT_MS = 3_600_000
const DAY_MS = chunkMsOf(SLOT_MS)
const START = 1_700_006_400_000
const view = compileView('test', 'byText', {
  title: 'By text',
  groupBy: ['text'],
  slotMs: SLOT_MS,
  aggregates: { count: { kind: 'count' } },
})

/** Stores rows [key, slot number, count] as a batch view whose chunks have `buckets` buckets. */
async function stored(rows: readonly (readonly [string, number, number])[], buckets: number) {
  const objects = new MemoryObjects()
  const chunks: BatchChunk[] = []
  const days = new Set(rows.map(([, slot]) => Math.floor((slot * SLOT_MS) / DAY_MS)))
  for (const day of [...days].sort((a, b) => a - b)) {
    const from = START + day * DAY_MS
    const here = rows.filter(([, slot]) => Math.floor((slot * SLOT_MS) / DAY_MS) === day)
    const segments = []
    for (let bucket = 0; bucket < buckets; bucket++) {
      const mine = here.filter(([key]) => bucketOf(keyHash(key), buckets) === bucket)
      const writer = new SegmentWriter({ slotMs: SLOT_MS, from })
      for (const key of keysOf(mine)) writer.add(key)
      const { bytes, ...note } = writer.finish()
      await objects.put(segmentKey(view, note.name), bytes)
      segments.push({ ...note, sizeBytes: bytes.length })
    }
    chunks.push({ from, segments })
  }
  const covers = { horizon: 1, epochMs: 60_000, partitions: [], retractions: '' }
  const index = {
    form: 1 as const,
    view: versionName(view),
    slotMs: SLOT_MS,
    chunkMs: DAY_MS,
    covers,
    chunks,
  }
  const { key, bytes } = indexObject(view, index)
  await objects.put(key, bytes)
  return { objects, entry: { index: key, horizon: 1 } }
}

function keysOf(rows: readonly (readonly [string, number, number])[]): readonly SegmentKey[] {
  const names = [...new Set(rows.map(([key]) => key))].sort((a, b) =>
    compareKeys(keyHash(a), a, keyHash(b), b),
  )
  return names.map((key) => {
    const own = rows.filter((row) => row[0] === key).sort((a, b) => a[1] - b[1])
    return {
      key,
      slots: own.map(([, slot]) => START + slot * SLOT_MS),
      states: own.map(([, , count]) => [count]),
    }
  })
}

async function read(from: Awaited<ReturnType<typeof stored>>, wanted?: RowsWanted) {
  const rows: BatchRow[] = []
  for await (const row of readBatchRows(from.objects, view, from.entry, wanted)) rows.push(row)
  return rows
    .map(({ key, slot, states }) => [key, (slot - START) / SLOT_MS, states[0]] as const)
    .sort(byKeyAndSlot)
}

const byKeyAndSlot = (a: readonly unknown[], b: readonly unknown[]) =>
  `${a[0]}` < `${b[0]}` ? -1 : `${a[0]}` > `${b[0]}` ? 1 : Number(a[1]) - Number(b[1])

const anyRows = fc.uniqueArray(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'dd', 'ée', ''), fc.nat(24 * 5), fc.integer({ min: 1, max: 9 })),
  { selector: ([key, slot]) => `${key} ${slot}`, maxLength: 80 },
)

describe('the rows of a batch view', () => {
  it('are those of any key and any slots', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyRows,
        fc.constantFrom(1, 2, 4),
        fc.option(fc.constantFrom('a', 'ée', 'never')),
        fc.option(fc.integer({ min: -3, max: 130 })),
        fc.option(fc.integer({ min: -3, max: 130 })),
        async (rows, buckets, key, from, to) => {
          const world = await stored(rows, buckets)
          const wanted = {
            key: key ?? undefined,
            from: from === null ? undefined : START + from * SLOT_MS,
            to: to === null ? undefined : START + to * SLOT_MS,
          }
          const expected = rows.filter(
            (row) => (key === null || row[0] === key) && row[1] >= (from ?? -9) && row[1] < (to ?? 999),
          )
          // Twice: from the store, then from the cache.
          for (let i = 0; i < 2; i++)
            expect(await read(world, wanted)).toEqual([...expected].sort(byKeyAndSlot))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('are refused where a segment is gone, cut short or changed', async () => {
    const rows = [['a', 1, 2] as const, ['b', 1, 2] as const]
    for (const harm of ['gone', 'short', 'changed'] as const) {
      const world = await stored(rows, 1)
      const [segment] = [...world.objects.held.keys()].filter((key) => key.includes('/segments/'))
      const bytes = (await world.objects.get(segment ?? ''))?.bytes ?? new Uint8Array()
      if (harm === 'gone') await world.objects.delete(segment ?? '')
      if (harm === 'short') await world.objects.put(segment ?? '', bytes.subarray(0, 30))
      if (harm === 'changed') await world.objects.put(segment ?? '', bytes.with(15, (bytes[15] ?? 0) ^ 1))
      await expect(read(world)).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringContaining(segment ?? ''),
      })
    }
  })

  it('are refused where the index has other bytes than its name was made of', async () => {
    const world = await stored([['a', 1, 2]], 1)
    await world.objects.put(world.entry.index, Buffer.from('{"form":1}'))
    await expect(read(world)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('of one key are fetched once, by its own blocks', async () => {
    const rows = Array.from({ length: 4000 }, (_, i) => [`key${i % 400}`, Math.floor(i / 400), i] as const)
    const world = await stored(rows, 4)
    let gets = 0
    const objects = Object.create(world.objects, {
      get: {
        value: (key: string, range?: { start: number; end: number }) => {
          gets++
          return world.objects.get(key, range)
        },
      },
    }) as MemoryObjects
    const counted = { ...world, objects }
    expect(await read(counted, { key: 'key7' })).toHaveLength(10)
    expect(gets).toBe(2)
    expect(await read(counted, { key: 'key7' })).toHaveLength(10)
    expect(gets).toBe(2)
  })
})

describe('the cache', () => {
  it('holds no more than it may, and what was used last', async () => {
    const cache = new BatchCache(100)
    const loads: string[] = []
    const get = (name: string, sizeBytes = 20) =>
      cache.get(name, async () => {
        loads.push(name)
        return { value: name, sizeBytes }
      })
    for (const name of ['a', 'b', 'c', 'd', 'e', 'a', 'f', 'a', 'b']) await get(name)
    expect(loads).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'b'])
    await get('huge', 90)
    expect(cache.sizeBytes).toBeLessThanOrEqual(100)
    await get('a')
    expect(loads).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'b', 'huge'])
  })
})

describe('the pointer', () => {
  const pointer = (run: string, horizon: number) => ({
    form: 1 as const,
    run,
    publishedMs: horizon * 60_000,
    epochMs: 60_000,
    horizon,
    views: { [versionName(view)]: { index: `x/${run}`, horizon } },
  })

  it('is replaced by one who saw what stands', async () => {
    const keyed = new MemoryKeyed()
    expect(await readBatchPointer(keyed, 'test')).toBeUndefined()
    expect((await keyed.put(pointerItem('test', pointer('a', 1)), 'absent')).ok).toBe(true)
    const read = await loadBatchPointer(keyed, 'test')
    expect((await keyed.put(pointerItem('test', pointer('b', 2)), { rev: read?.rev ?? '' })).ok).toBe(true)
    expect((await keyed.put(pointerItem('test', pointer('c', 3)), { rev: read?.rev ?? '' })).ok).toBe(false)
    const stands = await readBatchPointer(keyed, 'test')
    expect(stands).toEqual(pointer('b', 2))
    expect(entryOf(stands, view)).toEqual({ index: 'x/b', horizon: 2 })
    expect(entryOf(stands, { ...view, version: 'other' })).toBeUndefined()
    expect(entryOf(undefined, view)).toBeUndefined()
  })

  it('never lowers what has expired', async () => {
    const keyed = new MemoryKeyed()
    expect(await readExpiredBefore(keyed, 'test', view)).toBe(0)
    await recordExpired(keyed, 'test', { [versionName(view)]: 7, other: 3 })
    await recordExpired(keyed, 'test', { [versionName(view)]: 5, other: 4 })
    expect(await readExpiredBefore(keyed, 'test', view)).toBe(7)
    expect(await readExpiredBefore(keyed, 'test', { ...view, version: 'new' })).toBe(0)
  })
})
