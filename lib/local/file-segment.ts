import { join } from 'node:path'
import { PortError } from '../ports/errors.ts'
import type { StoredBatch } from '../ports/event-log.ts'
import { RecordBatch } from '../stream/record-batch.ts'
import { readFully } from './fd-io.ts'
import { FRAME_HEADER_BYTES, type FrameHeader, isIntact, readFrameHeader } from './frame.ts'
import { scanHeaders } from './frame-scan.ts'
import type { SharedFile } from './shared-file.ts'
import { INDEX_EVERY_BYTES, type IndexEntry, SparseIndex } from './sparse-index.ts'

const NAME = /^(\d{20})\.log$/

export function segmentPath(dir: string, baseOffset: number): string {
  return join(dir, `${String(baseOffset).padStart(20, '0')}.log`)
}

/** The base offset in a segment's file name, or undefined where it is another file. */
export function segmentBase(fileName: string): number | undefined {
  const digits = NAME.exec(fileName)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Where a frame ends in the log. */
export interface LogPoint {
  readonly position: number
  readonly offset: number
}

/**
 * One file of a partition, offsets from `baseOffset` up to `end.offset`. All below `end` is complete, whatever lies
 * behind it in the file is not part of the log (yet). The frames below `known` are indexed when first needed; the
 * frames behind it as they are written.
 */
export class FileSegment {
  readonly baseOffset: number
  readonly file: SharedFile
  readonly #seed: number
  readonly #known: LogPoint
  readonly #recent = new SparseIndex()
  #older: Promise<SparseIndex> | undefined
  #end: LogPoint

  constructor(file: SharedFile, baseOffset: number, seed: number, known: LogPoint) {
    this.file = file
    this.baseOffset = baseOffset
    this.#seed = seed
    this.#known = known
    this.#end = known
  }

  get end(): LogPoint {
    return this.#end
  }

  /** Takes the frame that was written at `end` into the segment. */
  extend(frame: Pick<FrameHeader, 'lengthBytes' | 'count'>): void {
    const { position, offset } = this.#end
    this.#recent.add(offset, position)
    this.#end = { position: position + frame.lengthBytes, offset: offset + frame.count }
  }

  /** Batches from the one that holds `fromOffset` on, about `maxBytes` of them, at least one. */
  async read(fromOffset: number, maxBytes: number): Promise<StoredBatch[]> {
    return this.file.use(async (fd) => {
      const start = await this.#locate(fd, fromOffset)
      const limit = this.#end.position
      const slabBytes = Math.min(
        limit - start.position,
        Math.max(maxBytes, FRAME_HEADER_BYTES) + INDEX_EVERY_BYTES,
      )
      const slab = Buffer.allocUnsafeSlow(slabBytes)
      const filled = await readFully(fd, slab, start.position)
      if (filled < slabBytes) throw this.#damaged(start.position + filled)
      return this.#collect(fd, slab, start, fromOffset, maxBytes)
    })
  }

  async #collect(
    fd: number,
    slab: Buffer,
    start: IndexEntry,
    fromOffset: number,
    maxBytes: number,
  ): Promise<StoredBatch[]> {
    const batches: StoredBatch[] = []
    let { offset } = start
    let takenBytes = 0
    for (let at = 0; at + FRAME_HEADER_BYTES <= slab.length; ) {
      const position = start.position + at
      const header = readFrameHeader(slab, at)
      if (header === undefined || header.baseOffset !== offset) throw this.#damaged(position)
      const wanted = offset + header.count > fromOffset
      if (wanted && batches.length > 0 && takenBytes + header.lengthBytes > maxBytes) break
      const whole = at + header.lengthBytes <= slab.length
      if (wanted && !whole && batches.length > 0) break
      if (wanted) {
        const frame = whole
          ? slab.subarray(at, at + header.lengthBytes)
          : await this.#frame(fd, position, header)
        batches.push(this.#stored(frame, position, header))
      }
      takenBytes += wanted ? header.lengthBytes : 0
      at += header.lengthBytes
      offset += header.count
    }
    if (batches.length === 0) throw this.#damaged(start.position)
    return batches
  }

  #stored(frame: Buffer, position: number, { count, baseOffset, appendTimeMs }: FrameHeader): StoredBatch {
    if (!isIntact(frame, this.#seed)) throw this.#damaged(position)
    return { baseOffset, appendTimeMs, records: new RecordBatch(frame.subarray(FRAME_HEADER_BYTES), count) }
  }

  /** A frame larger than what one read was to bring. */
  async #frame(fd: number, position: number, { lengthBytes }: FrameHeader): Promise<Buffer> {
    if (position + lengthBytes > this.#end.position) throw this.#damaged(position)
    const frame = Buffer.allocUnsafeSlow(lengthBytes)
    if ((await readFully(fd, frame, position)) < lengthBytes) throw this.#damaged(position)
    return frame
  }

  async #locate(fd: number, offset: number): Promise<IndexEntry> {
    const recent = this.#recent.floor(offset)
    if (recent !== undefined) return recent
    this.#older ??= this.#indexOlder(fd).catch((error: unknown) => {
      this.#older = undefined
      throw error
    })
    const entry = (await this.#older).floor(offset)
    if (entry === undefined) throw this.#damaged(0)
    return entry
  }

  async #indexOlder(fd: number): Promise<SparseIndex> {
    const index = new SparseIndex()
    const range = { fd, from: 0, to: this.#known.position, nextOffset: this.baseOffset }
    const { position, nextOffset } = await scanHeaders(range, (at, header) =>
      index.add(header.baseOffset, at),
    )
    if (position !== this.#known.position || nextOffset !== this.#known.offset) throw this.#damaged(position)
    return index
  }

  #damaged(position: number): PortError {
    return corrupt(this.file.path, position, 'the record batch there is not as it was written')
  }
}

export function corrupt(path: string, position: number, what: string): PortError {
  const advice = 'restore the file from a copy, or move the data folder aside and replay the sources'
  return new PortError('CORRUPT', `${path} is damaged at byte ${position}: ${what}; ${advice}`, {
    curable: false,
  })
}
