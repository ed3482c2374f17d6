import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { gunzip } from '../gunzip.ts'
import { SourceError } from '../source-error.ts'
import type { Content } from './fingerprint.ts'

/** The bytes of an open file. */
export function plainContent(handle: FileHandle): Content {
  return {
    async bytes(from, to) {
      if (to <= from) return Buffer.alloc(0)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - from), 0, to - from, from)
      return buffer.subarray(0, bytesRead)
    },
  }
}

/** The decompressed bytes of a gzip file, read from its start at every call. */
export function gzipContent(path: string): Content {
  return {
    async bytes(from, to) {
      if (to <= from) return Buffer.alloc(0)
      const parts: Buffer[] = []
      let left = to - from
      for await (const chunk of gunzipped(path, from)) {
        parts.push(chunk.subarray(0, left))
        left -= chunk.length
        if (left <= 0) break
      }
      return Buffer.concat(parts)
    },
  }
}

/** The decompressed bytes from `from` on. Calls `onCut` where the file is cut short: its writer is still at work. */
export async function* gunzipped(
  path: string,
  from = 0,
  onCut: () => void = () => undefined,
): AsyncGenerator<Buffer, void> {
  let at = 0
  const compressed = createReadStream(path, { highWaterMark: 64 * 1024 })
  try {
    for await (const chunk of gunzip(compressed, path)) {
      const end = at + chunk.length
      if (end > from) yield chunk.subarray(Math.max(0, from - at))
      at = end
    }
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    onCut()
  } finally {
    compressed.destroy()
  }
}
