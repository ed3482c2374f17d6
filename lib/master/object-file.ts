import type { AsyncBuffer } from 'hyparquet'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { MasterFile } from './manifest.ts'
import { sha256Of } from './manifest-store.ts'

/** Files up to this size are read in one request, larger ones by the ranges that the columns asked for lie in. */
const WHOLE_MAX_BYTES = 8 * 1024 * 1024

/**
 * A master file as the Parquet reader wants it. Rejects with code CORRUPT where the object is gone or cut short, or, of one
 * that is read whole, where its bytes are not those that were committed.
 */
export async function objectFile(
  objects: ObjectStore,
  file: Pick<MasterFile, 'key' | 'sizeBytes'> & Partial<Pick<MasterFile, 'sha256'>>,
): Promise<AsyncBuffer> {
  const { sizeBytes } = file
  if (sizeBytes <= WHOLE_MAX_BYTES) {
    const bytes = await bytesOf(objects, file, 0, sizeBytes)
    if (file.sha256 === undefined || sha256Of(bytes) === file.sha256) return bytesFile(bytes)
    throw new PortError('CORRUPT', `master file ${file.key} has other bytes than were committed`, {
      curable: false,
    })
  }
  return {
    byteLength: sizeBytes,
    slice: async (start, end = sizeBytes) => toArrayBuffer(await bytesOf(objects, file, start, end)),
  }
}

/** Bytes in memory as the Parquet reader wants them. */
export function bytesFile(bytes: Uint8Array): AsyncBuffer {
  return { byteLength: bytes.length, slice: (start, end) => toArrayBuffer(bytes.subarray(start, end)) }
}

async function bytesOf(
  objects: ObjectStore,
  { key }: Pick<MasterFile, 'key'>,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const stored = await objects.get(key, { start, end })
  if (stored === undefined)
    throw new PortError('CORRUPT', `master file ${key} is gone though its manifest lists it`, {
      curable: false,
    })
  if (stored.bytes.length !== end - start)
    throw new PortError('CORRUPT', `master file ${key} is shorter than its manifest says`, {
      curable: false,
    })
  return stored.bytes
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length)
  new Uint8Array(copy).set(bytes)
  return copy
}
