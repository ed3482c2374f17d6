import type { ObjectStore } from '../ports/object-store.ts'
import { readLargeRecord } from '../state/large-record.ts'
import type { DeadEntry } from '../stream/entry.ts'

/**
 * The original bytes of a dead letter, piece by piece: from its entry, or from the object store where they were too
 * many. Rejects with code CORRUPT where an object is gone.
 */
export async function* originalBytes(
  objects: Pick<ObjectStore, 'get'>,
  { raw }: Pick<DeadEntry, 'raw'>,
): AsyncGenerator<Uint8Array> {
  if (typeof raw === 'string') yield Buffer.from(raw, 'base64')
  else yield* readLargeRecord(objects, raw)
}

/** How many they are. */
export function originalSizeBytes({ raw }: Pick<DeadEntry, 'raw'>): number {
  return typeof raw === 'string' ? Buffer.byteLength(raw, 'base64') : raw.sizeBytes
}
