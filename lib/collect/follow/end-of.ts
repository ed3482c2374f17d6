import { isAvroContainer } from '../../formats/avro-container.ts'
import { isUnified2 } from '../../formats/unified2.ts'
import type { Framing } from '../../stream/format.ts'
import { LineSplitter } from '../line-splitter.ts'
import { SourceError } from '../source-error.ts'
import { Unified2Splitter } from '../unified2-splitter.ts'
import { gunzipped } from './content.ts'
import type { Content } from './fingerprint.ts'

const CHUNK_BYTES = 1024 * 1024
const LINE_CHUNK_BYTES = 64 * 1024
const LF = 0x0a
const MAGIC_BYTES = 4

/** A file whose end is looked for. */
export interface EndOf {
  readonly path: string
  /** Its bytes, decompressed ones of a gzip file. */
  readonly content: Content
  readonly gzip: boolean
  /** On disk. What comes behind it meanwhile is not looked at. */
  readonly sizeBytes: number
  readonly framing: Framing
}

/**
 * The byte of a file's content after its last whole record: where to go on, so that what is there is left out and what comes
 * is had whole. Where a line end alone does not end a record, the file is read from its start and cut as it is when it is
 * followed, in the same bounded memory. Throws a SourceError for an Avro container file.
 */
export async function endOf(file: EndOf): Promise<number> {
  const { path, content, gzip, sizeBytes, framing } = file
  const magic = await content.bytes(0, MAGIC_BYTES)
  if (isAvroContainer(magic))
    throw new SourceError(
      `${path}: an Avro container file is not followed, so there is no end of it to begin at. ` +
        'Leave it out, or collect it without --follow and --from-end',
    )
  const spool = isUnified2(magic)
  if (framing === 'lines' && !spool && !gzip) return lastLineEnd(content, sizeBytes)
  const splitter = spool
    ? new Unified2Splitter(path, { fromByte: 0, tailWaits: true })
    : new LineSplitter(path, { fromByte: 0, framing, large: () => NOWHERE })
  let bytes = 0
  let cutShort = false
  const onCut = () => {
    cutShort = true
  }
  for await (const chunk of gzip ? gunzipped(path, 0, onCut) : chunksOf(content, sizeBytes)) {
    bytes += chunk.length
    await drained(splitter.push(chunk))
  }
  // It will not grow: nothing that comes belongs to what it ends with.
  if (gzip && !cutShort) return bytes
  // The event held back for what belongs to it counts as whole; a line without its end does not.
  if (spool) await drained(splitter.finish())
  return splitter.givenToByte
}

/** Takes a line too large for the log, of which only the end matters. */
const NOWHERE = {
  write: () => Promise.resolve(),
  finish: () => Promise.resolve({ key: '', sizeBytes: 0, sha256: '' }),
}

async function drained(blocks: AsyncGenerator<unknown, void>): Promise<void> {
  for (let next = await blocks.next(); next.done !== true; ) next = await blocks.next()
}

async function* chunksOf(content: Content, sizeBytes: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < sizeBytes; ) {
    const chunk = await content.bytes(at, Math.min(at + CHUNK_BYTES, sizeBytes))
    if (chunk.length === 0) return
    at += chunk.length
    yield chunk
  }
}

async function lastLineEnd(content: Content, sizeBytes: number): Promise<number> {
  for (let to = sizeBytes; to > 0; to -= LINE_CHUNK_BYTES) {
    const from = Math.max(0, to - LINE_CHUNK_BYTES)
    const at = (await content.bytes(from, to)).lastIndexOf(LF)
    if (at >= 0) return from + at + 1
  }
  return 0
}
