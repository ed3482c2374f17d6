import {
  directoryBytes,
  type PackDirectory,
  type PackedSegment,
  readDirectory,
  TRAILER_BYTES,
} from '../formats/segment-pack.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { REPAIR } from '../state/batch-index.ts'

/** The end of most partials, directory and all. */
const TAIL_BYTES = 16 * 1024

/** What a partial holds and where. Rejects with code CORRUPT where it is gone: its shard was not recomputed. */
export async function partialDirectory(objects: ObjectStore, key: string): Promise<PackDirectory> {
  const info = await objects.head(key)
  if (info === undefined) throw gone(key)
  const { sizeBytes } = info
  const tail = await range(objects, key, Math.max(0, sizeBytes - TAIL_BYTES), sizeBytes)
  const length = decoded(key, () => directoryBytes(tail.subarray(tail.length - TRAILER_BYTES)))
  const whole = length <= tail.length ? tail : await range(objects, key, sizeBytes - length, sizeBytes)
  return decoded(key, () => readDirectory(whole.subarray(whole.length - length)))
}

function decoded<T>(key: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const what = `partial ${key} cannot be read, its bytes are not those that were written: ${REPAIR}`
    throw new PortError('CORRUPT', what, { curable: false, cause })
  }
}

/** One segment of a partial. */
export function packedSegment(
  objects: ObjectStore,
  key: string,
  { start, end }: Pick<PackedSegment, 'start' | 'end'>,
): Promise<Uint8Array> {
  return range(objects, key, start, end)
}

async function range(objects: ObjectStore, key: string, start: number, end: number): Promise<Uint8Array> {
  const stored = await objects.get(key, { start, end })
  if (stored?.bytes.length !== end - start) throw gone(key)
  return stored.bytes
}

function gone(key: string): PortError {
  return new PortError('CORRUPT', `partial ${key} is gone or cut short: run the recompute again`, {
    curable: false,
  })
}
