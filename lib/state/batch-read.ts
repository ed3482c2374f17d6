import { blocksOf, readFooter, type SegmentFooter, unpackBlock } from '../formats/segment.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { View } from '../views/view.ts'
import { BatchCache } from './batch-cache.ts'
import { type BatchIndex, indexFromBytes, REPAIR, type SegmentNote, segmentKey } from './batch-index.ts'
import type { BatchEntry } from './batch-pointer.ts'

/** Indexes, footers and blocks of one process. */
const CACHE_BYTES = 64 * 1024 * 1024
/** A segment up to this size is fetched whole: one request instead of two. */
const WHOLE_BYTES_MAX = 128 * 1024
/** A decoded footer weighs about so many times its packed form. */
const FOOTER_WEIGHT = 16

const caches = new WeakMap<ObjectStore, BatchCache>()

function cacheOf(objects: ObjectStore): BatchCache {
  const known = caches.get(objects)
  if (known !== undefined) return known
  const cache = new BatchCache(CACHE_BYTES)
  caches.set(objects, cache)
  return cache
}

/** Rejects with code CORRUPT where it is gone or not what was written. */
export function readBatchIndex(
  objects: ObjectStore,
  { index: key }: Pick<BatchEntry, 'index'>,
): Promise<BatchIndex> {
  return cacheOf(objects).get(key, async () => {
    const stored = await objects.get(key)
    if (stored === undefined) throw gone(key)
    return { value: indexFromBytes(key, stored.bytes), sizeBytes: stored.bytes.length * 4 }
  })
}

/** A segment opened for reading: its footer, and any of its blocks. */
export interface OpenSegment {
  readonly footer: SegmentFooter
  /** Unpacked, the block that lies at [start, end). */
  block(range: { readonly start: number; readonly end: number }): Promise<Uint8Array>
}

/** Rejects with code CORRUPT where the segment is gone, cut short or another than its name says. */
export async function openSegment(
  objects: ObjectStore,
  view: Pick<View, 'id' | 'version'>,
  note: SegmentNote,
): Promise<OpenSegment> {
  const cache = cacheOf(objects)
  const key = segmentKey(view, note.name)
  let whole: Uint8Array | undefined
  const footer = await cache.get(`${key} footer`, async () => {
    const small = note.sizeBytes <= WHOLE_BYTES_MAX
    const start = small ? 0 : note.sizeBytes - note.tailBytes
    const bytes = await bytesOf(objects, key, start, note.sizeBytes)
    if (small) whole = bytes
    const value = checked(key, () => readFooter(bytes.subarray(bytes.length - note.tailBytes)))
    if (value.name !== note.name) throw corrupt(key, 'is another segment than its name says')
    return { value, sizeBytes: note.tailBytes * FOOTER_WEIGHT }
  })
  return {
    footer,
    block: ({ start, end }) =>
      cache.get(`${key} ${start}`, async () => {
        const packed = whole?.subarray(start, end) ?? (await bytesOf(objects, key, start, end))
        const value = checked(key, () => unpackBlock(packed))
        return { value, sizeBytes: value.length }
      }),
  }
}

/** The unpacked blocks of a segment that may hold `key`, in order; all without one. */
export async function blocksFor(segment: OpenSegment, key?: string): Promise<readonly Uint8Array[]> {
  return Promise.all(blocksOf(segment.footer, key).map((range) => segment.block(range)))
}

async function bytesOf(objects: ObjectStore, key: string, start: number, end: number): Promise<Uint8Array> {
  const stored = await objects.get(key, { start, end })
  if (stored === undefined) throw gone(key)
  if (stored.bytes.length !== end - start) throw corrupt(key, 'is shorter than its index says')
  return stored.bytes
}

function checked<T>(key: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw corrupt(key, 'cannot be read, its bytes are not those that were written', cause)
  }
}

function gone(key: string): PortError {
  return corrupt(key, 'is gone though the batch view lists it')
}

function corrupt(key: string, what: string, cause?: unknown): PortError {
  const options = { curable: false, ...(cause === undefined ? {} : { cause }) }
  return new PortError('CORRUPT', `batch object ${key} ${what}: ${REPAIR}`, options)
}
