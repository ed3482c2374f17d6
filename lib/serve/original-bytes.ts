import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { DeadEntry } from '../stream/entry.ts'

/**
 * The original bytes of a dead letter, piece by piece: from its entry, or from the object store where they were too
 * many. Rejects with code CORRUPT where an object is gone. Of a long record, `key` holds the first piece, `key.1` the next.
 */
export async function* originalBytes(
  objects: Pick<ObjectStore, 'get'>,
  { raw }: Pick<DeadEntry, 'raw'>,
): AsyncGenerator<Uint8Array> {
  if (typeof raw === 'string') {
    yield Buffer.from(raw, 'base64')
    return
  }
  for (let piece = 0, read = 0; read < raw.sizeBytes; piece++) {
    const key = piece === 0 ? raw.key : `${raw.key}.${piece}`
    const stored = await objects.get(key)
    if (stored === undefined || stored.bytes.length === 0)
      throw new PortError('CORRUPT', `object ${key} is gone: ${read} of ${raw.sizeBytes} bytes found`, {
        curable: false,
      })
    yield stored.bytes
    read += stored.bytes.length
  }
}

/** How many they are. */
export function originalSizeBytes({ raw }: Pick<DeadEntry, 'raw'>): number {
  return typeof raw === 'string' ? Buffer.byteLength(raw, 'base64') : raw.sizeBytes
}
