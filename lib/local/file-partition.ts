import { ftruncateSync } from 'node:fs'
import { PortError } from '../ports/errors.ts'
import type { Appended, StoredBatch } from '../ports/event-log.ts'
import type { RecordBatch } from '../stream/record-batch.ts'
import { datasync, writevFully } from './fd-io.ts'
import type { RecoveryPoint } from './file-recovery.ts'
import { FileSegments } from './file-segments.ts'
import { FRAME_HEADER_BYTES, writeFrameHeader } from './frame.ts'

export interface PartitionOptions {
  readonly dir: string
  /** For messages: `topic/partition`. */
  readonly name: string
  readonly seed: number
  readonly nowMs: () => number
  readonly fsync: 'always' | 'interval' | 'never'
  readonly segmentBytesMax: number
  /** Told each batch that has been acknowledged, in order. */
  readonly onAppend: (batch: StoredBatch) => void
}

interface PendingAppend {
  readonly batch: RecordBatch
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: unknown) => void
}

/** One writev takes at most this much, so that a group's memory and the first append's wait stay bounded. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024
const GROUP_APPENDS_MAX = 256

/**
 * One partition of a `FileLog`. Appends that come in while a write is under way wait and go together into the next one
 * (and under its fsync). At every moment the active segment's file holds `end` complete frames' worth of bytes, and
 * behind them at most the one group that is being written.
 */
export class FilePartition {
  readonly #options: PartitionOptions
  readonly #segments: FileSegments
  readonly #pending: PendingAppend[] = []
  #lastTimeMs: number
  #draining: Promise<void> | undefined
  #failure: PortError | undefined
  #closed = false
  #durable: RecoveryPoint

  private constructor(options: PartitionOptions, segments: FileSegments) {
    this.#options = options
    this.#segments = segments
    this.#lastTimeMs = segments.lastTimeMs
    this.#durable = this.#point()
  }

  static async open(options: PartitionOptions, recovery?: RecoveryPoint): Promise<FilePartition> {
    const segments = await FileSegments.open(options.dir, options.seed, recovery)
    if (options.fsync !== 'never' && recovery?.offset !== segments.end) await datasync(segments.fd)
    return new FilePartition(options, segments)
  }

  get start(): number {
    return this.#segments.start
  }

  get end(): number {
    return this.#segments.end
  }

  /** Up to where the partition is on disk, as far as this process knows. */
  get durable(): RecoveryPoint {
    return this.#durable
  }

  append(batch: RecordBatch): Promise<Appended> {
    if (this.#closed) return Promise.reject(new PortError('CLOSED', 'the log is closed', { curable: false }))
    return new Promise((resolve, reject) => {
      this.#pending.push({ batch, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  async read(fromOffset: number, maxBytes: number): Promise<readonly StoredBatch[]> {
    this.#assertHeld(fromOffset)
    if (fromOffset === this.end) return []
    try {
      return await this.#segments.find(fromOffset).read(fromOffset, maxBytes)
    } catch (error) {
      this.#assertHeld(fromOffset) // it may have been trimmed meanwhile
      throw error
    }
  }

  /** Deletes the segments wholly below `beforeOffset`. Returns the new start. */
  trim(beforeOffset: number): number {
    this.#segments.trim(beforeOffset)
    return this.start
  }

  /** Brings all that `end` shows to disk. Appends go on meanwhile. */
  async sync(): Promise<void> {
    const point = this.#point()
    if (point.offset === this.#durable.offset) return
    try {
      await this.#segments.active.file.use(datasync)
    } catch (cause) {
      throw this.#fail('fsync failed: what was written last may not be on disk', cause)
    }
    if (point.offset > this.#durable.offset) this.#durable = point
  }

  /** Waits for the appends under way, refuses others. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#draining
    try {
      if (this.#options.fsync !== 'never') await this.sync()
    } finally {
      this.#segments.close()
    }
  }

  async #drain(): Promise<void> {
    await undefined // what the same turn of the event loop appends goes into the same write
    while (this.#pending.length > 0) {
      const group = this.#nextGroup()
      try {
        await this.#write(group)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#draining = undefined
  }

  #nextGroup(): PendingAppend[] {
    let bytes = 0
    let taken = 0
    for (const { batch } of this.#pending) {
      bytes += batch.bytes.length
      if (taken > 0 && (bytes > GROUP_BYTES_MAX || taken === GROUP_APPENDS_MAX)) break
      taken++
    }
    return this.#pending.splice(0, taken)
  }

  async #write(group: readonly PendingAppend[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isFull(group)) await this.#roll()
    const appendTimeMs = Math.max(this.#options.nowMs(), this.#lastTimeMs)
    const { position, offset } = this.#segments.active.end
    const buffers = this.#frames(group, offset, appendTimeMs)
    try {
      await writevFully(this.#segments.fd, buffers, position)
      if (this.#options.fsync === 'always') await datasync(this.#segments.fd)
    } catch (cause) {
      throw this.#undo(position, cause)
    }
    this.#lastTimeMs = appendTimeMs
    this.#acknowledge(group, appendTimeMs)
  }

  #frames(group: readonly PendingAppend[], baseOffset: number, appendTimeMs: number): Buffer[] {
    const headers = Buffer.allocUnsafe(FRAME_HEADER_BYTES * group.length)
    const buffers: Buffer[] = []
    group.forEach(({ batch: { bytes, count } }, i) => {
      const at = i * FRAME_HEADER_BYTES
      writeFrameHeader(headers, at, { count, baseOffset, appendTimeMs }, bytes, this.#options.seed)
      buffers.push(headers.subarray(at, at + FRAME_HEADER_BYTES), bytes)
      baseOffset += count
    })
    return buffers
  }

  #acknowledge(group: readonly PendingAppend[], appendTimeMs: number): void {
    for (const { batch, resolve } of group) {
      const baseOffset = this.end
      this.#segments.active.extend({
        lengthBytes: FRAME_HEADER_BYTES + batch.bytes.length,
        count: batch.count,
      })
      resolve({ baseOffset, appendTimeMs })
      this.#options.onAppend({ baseOffset, appendTimeMs, records: batch })
    }
    if (this.#options.fsync === 'always') this.#durable = this.#point()
  }

  /** Takes a failed group off the file again. Where that fails too, nothing may be written behind its remains. */
  #undo(position: number, cause: unknown): PortError {
    try {
      ftruncateSync(this.#segments.fd, position)
    } catch {
      return this.#fail('a write failed and left a partial record batch behind', cause)
    }
    return this.#unavailable('a write failed, nothing of it was kept', cause)
  }

  /** From here on the partition takes no appends: opening the log anew checks what is there. */
  #fail(what: string, cause: unknown): PortError {
    this.#failure = this.#unavailable(`${what}; it takes no more until the log is opened again`, cause)
    return this.#failure
  }

  #unavailable(what: string, cause: unknown): PortError {
    const because = cause instanceof Error ? ` (${cause.message})` : ''
    return new PortError('UNAVAILABLE', `${this.#options.name}: ${what}${because}`, { curable: true, cause })
  }

  #isFull(group: readonly PendingAppend[]): boolean {
    const bytes = group.reduce((sum, { batch }) => sum + FRAME_HEADER_BYTES + batch.bytes.length, 0)
    const { position } = this.#segments.active.end
    return position > 0 && position + bytes > this.#options.segmentBytesMax
  }

  async #roll(): Promise<void> {
    const durable = this.#options.fsync !== 'never'
    try {
      // Only the last segment is checked at open, so a segment must be on disk before there is a later one.
      if (durable) await this.sync()
      await this.#segments.startNext(durable)
    } catch (cause) {
      throw this.#unavailable('the next segment cannot be started', cause)
    }
  }

  #point(): RecoveryPoint {
    const { baseOffset: segment, end } = this.#segments.active
    return { segment, ...end, lastTimeMs: this.#lastTimeMs }
  }

  #assertHeld(offset: number): void {
    if (offset >= this.start && offset <= this.end) return
    const message = `${this.#options.name} holds the offsets ${this.start} to ${this.end}, asked for ${offset}`
    throw new PortError('OFFSET_OUT_OF_RANGE', message, { curable: false })
  }
}
