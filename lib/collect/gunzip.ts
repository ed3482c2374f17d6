import { createGunzip, type Gunzip } from 'node:zlib'
import { SourceError } from './source-error.ts'

const CHUNK_BYTES = 256 * 1024

export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b
}

/**
 * The decompressed bytes of gzip data (RFC 1952, several members allowed). Data cut short or damaged gives all that can be had of it, and
 * only then the error; the streams of Node drop what they still hold when an error comes. So one input chunk is
 * written at a time and its whole output taken: with input chunks of 64 KiB that is 66 MB at the very worst.
 */
export async function* gunzip(input: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer, void> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  let out: Buffer[] = []
  let failed: Error | undefined
  gunzip.on('data', (chunk: Buffer) => out.push(chunk))
  gunzip.on('error', (error) => {
    failed = error
  })
  let readBytes = 0
  const take = () => {
    const taken = out
    out = []
    return taken
  }
  try {
    for await (const chunk of input) {
      await written(gunzip, chunk)
      yield* take()
      if (failed !== undefined) break
      readBytes += chunk.length
    }
    if (failed === undefined) await ended(gunzip)
    yield* take()
    if (failed !== undefined) throw gzipError(name, failed, readBytes)
  } finally {
    gunzip.destroy()
  }
}

/** Resolves once `chunk` has been decompressed, or the stream has failed. */
function written(gunzip: Gunzip, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    gunzip.once('error', settled)
    gunzip.write(chunk, settled)
    function settled() {
      gunzip.off('error', settled)
      setImmediate(resolve)
    }
  })
}

function ended(gunzip: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    gunzip.once('error', () => setImmediate(resolve))
    gunzip.once('end', resolve)
    gunzip.end()
  })
}

function gzipError(name: string, error: Error, readBytes: number): SourceError {
  const cutShort = 'code' in error && error.code === 'Z_BUF_ERROR'
  const what = cutShort ? `is cut short: it ends at byte ${readBytes}` : `is damaged after byte ${readBytes}`
  return new SourceError(
    `${name}: the gzip data ${what}. Every whole line before that was read; get the whole file and run the same command again`,
    { cause: error },
  )
}
