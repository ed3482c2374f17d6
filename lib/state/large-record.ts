import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { RawPointer } from '../stream/entry.ts'

/** The object that holds the nth piece of a record too large for one: `key`, then `key.1`, `key.2` and so on. */
export function pieceKey(key: string, piece: number): string {
  return piece === 0 ? key : `${key}.${piece}`
}

/** The bytes a pointer stands for, piece by piece. Rejects with code CORRUPT where an object is gone. */
export async function* readLargeRecord(
  objects: Pick<ObjectStore, 'get'>,
  pointer: RawPointer,
): AsyncGenerator<Uint8Array, void> {
  for (let piece = 0, read = 0; read < pointer.sizeBytes; piece++) {
    const key = pieceKey(pointer.key, piece)
    const object = await objects.get(key)
    if (object === undefined || object.bytes.length === 0)
      throw new PortError('CORRUPT', `object ${key} is gone: ${read} of ${pointer.sizeBytes} bytes found`, {
        curable: false,
      })
    yield object.bytes
    read += object.bytes.length
  }
}
