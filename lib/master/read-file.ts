import { type Chunk, readParquet, type Wanted } from '../formats/parquet-read.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { MasterFile } from './manifest.ts'
import { objectFile } from './object-file.ts'

/**
 * The row groups of a master file, one after the other. Rejects with code CORRUPT, naming the file, where it is gone, cut short,
 * another than was committed, or cannot be decoded.
 */
export async function* readMasterFile(
  objects: ObjectStore,
  file: Pick<MasterFile, 'key' | 'sizeBytes'> & Partial<Pick<MasterFile, 'sha256'>>,
  wanted: Wanted = {},
): AsyncGenerator<Chunk> {
  const buffer = await objectFile(objects, file)
  // What a store rejects with while columns are read stays what it is; the decoder's own errors name no file.
  let failed: unknown
  const slice: typeof buffer.slice = async (start, end) => {
    try {
      return await buffer.slice(start, end)
    } catch (error) {
      failed = error
      throw error
    }
  }
  try {
    yield* readParquet({ byteLength: buffer.byteLength, slice }, wanted)
  } catch (cause) {
    if (failed !== undefined) throw failed
    const what = cause instanceof Error ? cause.message : String(cause)
    throw new PortError('CORRUPT', `master file ${file.key} cannot be decoded (${what}): weir verify`, {
      curable: false,
      cause,
    })
  }
}
