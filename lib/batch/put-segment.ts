import type { WrittenSegment } from '../formats/segment-write.ts'
import type { Clock } from '../ports/clock.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type SegmentNote, segmentKey } from '../state/batch-index.ts'
import type { View } from '../views/view.ts'

interface Stores {
  readonly objects: ObjectStore
  readonly clock: Pick<Clock, 'nowMs'>
}

/** An object younger than this is not swept, whether anything refers to it or not (expire.ts). */
export const UNSWEPT_MS = 24 * 3_600_000

/**
 * Puts a segment under the name that its content makes; one that is there is the same content. Should it have lain there
 * for long with nothing to refer to it, it is put again, so that no sweep takes it for old.
 */
export async function putSegment(
  { objects, clock }: Stores,
  view: View,
  { bytes, ...note }: WrittenSegment,
): Promise<SegmentNote> {
  const key = segmentKey(view, note.name)
  const written = { ...note, sizeBytes: bytes.length }
  if ((await objects.put(key, bytes, 'absent')).ok) return written
  const stands = await objects.head(key)
  // Another release of zstd packs the same content into other bytes: what its own index says of it must stay true.
  if (stands !== undefined && stands.sizeBytes === bytes.length) {
    if (stands.modifiedMs < clock.nowMs() - UNSWEPT_MS / 2) await objects.put(key, bytes)
    return written
  }
  const stored = await objects.get(key)
  if (stored === undefined) {
    await objects.put(key, bytes)
    return written
  }
  const trailer = Buffer.from(stored.bytes.buffer, stored.bytes.byteOffset, stored.bytes.byteLength)
  const tailBytes = trailer.readUInt32LE(trailer.length - 8) + 8
  return { ...note, sizeBytes: stored.bytes.length, tailBytes }
}
