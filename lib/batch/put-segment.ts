import { nameOfContent } from '../formats/segment.ts'
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
 * Puts a segment under the name that its content makes; one that is there is the same content, unless it is damaged. With
 * `repair` it is read, and put again where its content is another. Should it have lain there for long with nothing to refer
 * to it, it is put again, so that no sweep takes it for old.
 */
export async function putSegment(
  { objects, clock }: Stores,
  view: View,
  { bytes, ...note }: WrittenSegment,
  { repair = false }: { readonly repair?: boolean } = {},
): Promise<SegmentNote> {
  const key = segmentKey(view, note.name)
  const written = { ...note, sizeBytes: bytes.length }
  if ((await objects.put(key, bytes, 'absent')).ok) return written
  const stands = await objects.head(key)
  const oldMs = clock.nowMs() - UNSWEPT_MS / 2
  if (!repair && stands?.sizeBytes === bytes.length) {
    if (stands.modifiedMs < oldMs) await objects.put(key, bytes)
    return written
  }
  const stored = (await objects.get(key))?.bytes
  // Another release of zstd packs the same content into other bytes: what its own index says of it must stay true.
  const tailBytes = stored === undefined ? undefined : tailOf(stored, note.name)
  if (stored === undefined || tailBytes === undefined) {
    await objects.put(key, bytes)
    return written
  }
  if (stands !== undefined && stands.modifiedMs < oldMs) await objects.put(key, stored)
  return { ...note, sizeBytes: stored.length, tailBytes }
}

/** Length of the segment's end; undefined where its content is not the one that makes this name. */
function tailOf(bytes: Uint8Array, name: string): number | undefined {
  try {
    if (nameOfContent(bytes) !== name) return undefined
    const trailer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return trailer.readUInt32LE(trailer.length - 8) + 8
  } catch {
    return undefined
  }
}
