import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { isAvroContainer } from '../formats/avro-container.ts'
import { isUnified2 } from '../formats/unified2.ts'
import { AvroSplitter } from './avro-splitter.ts'
import type { Block } from './block.ts'
import { gunzip, isGzip } from './gunzip.ts'
import { LineSplitter, type SplitOptions } from './line-splitter.ts'
import { sourceError } from './source-error.ts'
import { Unified2Splitter } from './unified2-splitter.ts'

export interface ReadLinesOptions extends SplitOptions {
  /** How messages call it; by default the path. */
  readonly name?: string
  /** By default, what the first two bytes say. */
  readonly gzip?: boolean
  /** Called with the bytes read from the file, before decompression. */
  readonly onBytes?: (bytes: number) => void
  readonly signal?: AbortSignal
  /** Things worth knowing that are no errors: where a spool breaks off. */
  readonly notice?: (message: string) => void
}

const PLAIN_CHUNK_BYTES = 1024 * 1024
const GZIP_START_BYTES = 2
const SPOOL_START_BYTES = 4
const GZIP_CHUNK_BYTES = 64 * 1024

/**
 * The lines of a file or stream, plain or gzip, in blocks. Lines end with LF or CRLF, the last with or without. Empty
 * lines are skipped and not counted: positions count the others, from 0. Memory is bounded by the size of a chunk and
 * `maxLineBytes`, however long a line is.
 *
 * What begins as a unified2 spool does, which no text does, is cut into events in place of lines (unified2-splitter.ts), and
 * an Avro container file into its records (avro-splitter.ts).
 *
 * Throws a SourceError that names the source where it cannot be read or its gzip data are cut short: after the blocks
 * that could be had, and without the part of a line that was left.
 */
export async function* readLines(
  input: string | Readable,
  options: ReadLinesOptions = {},
): AsyncGenerator<Block, void> {
  const name = options.name ?? (typeof input === 'string' ? input : 'standard input')
  try {
    const chunks = plainChunks(input, name, options)
    const first = await atLeastBytes(chunks, SPOOL_START_BYTES)
    const splitter = splitterFor(first, name, options)
    for await (const chunk of prepend(first, chunks)) yield* splitter.push(chunk)
    yield* splitter.finish()
  } catch (error) {
    throw sourceError(name, error)
  }
}

function splitterFor(first: Buffer, name: string, options: ReadLinesOptions) {
  if (isUnified2(first)) return new Unified2Splitter(name, options)
  return isAvroContainer(first) ? new AvroSplitter(name, options) : new LineSplitter(name, options)
}

async function* plainChunks(
  input: string | Readable,
  name: string,
  options: ReadLinesOptions,
): AsyncGenerator<Buffer, void> {
  const chunks = rawChunks(input, options)
  const first = await atLeastBytes(chunks, GZIP_START_BYTES)
  const whole = prepend(first, chunks)
  yield* (options.gzip ?? isGzip(first)) && first.length > 0 ? gunzip(inPieces(whole), name) : whole
}

async function* rawChunks(input: string | Readable, options: ReadLinesOptions): AsyncGenerator<Buffer, void> {
  const stream =
    typeof input === 'string' ? createReadStream(input, { highWaterMark: PLAIN_CHUNK_BYTES }) : input
  const stop = () => stream.destroy()
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer)
      options.onBytes?.(bytes.length)
      yield bytes
    }
  } finally {
    options.signal?.removeEventListener('abort', stop)
  }
}

/** The start of the data, long enough to tell what it is. Shorter only where there is no more. */
async function atLeastBytes(chunks: AsyncGenerator<Buffer, void>, bytes: number): Promise<Buffer> {
  let start: Buffer = Buffer.alloc(0)
  while (start.length < bytes) {
    const next = await chunks.next()
    if (next.done === true) break
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value])
  }
  return start
}

async function* prepend(first: Buffer, rest: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  if (first.length > 0) yield first
  yield* rest
}

/** Small chunks of compressed data, because what each becomes is held at once. */
async function* inPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += GZIP_CHUNK_BYTES)
      yield chunk.subarray(at, at + GZIP_CHUNK_BYTES)
}
