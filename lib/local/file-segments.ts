import { closeSync, openSync, unlinkSync } from 'node:fs'
import { syncFolder } from './fd-io.ts'
import { openSegments, type RecoveryPoint } from './file-recovery.ts'
import { FileSegment, segmentPath } from './file-segment.ts'
import { SharedFile } from './shared-file.ts'

/**
 * The segments of a partition, in ascending order without a gap; there is always one. The last, the active one, takes
 * the appends, and its file is kept open for them.
 */
export class FileSegments {
  readonly #dir: string
  readonly #seed: number
  readonly #segments: FileSegment[]
  #active: FileSegment
  #fd: number
  /** The partition's last append time when it was opened. */
  readonly lastTimeMs: number

  private constructor(
    dir: string,
    seed: number,
    segments: FileSegment[],
    active: FileSegment,
    lastTimeMs: number,
  ) {
    this.#dir = dir
    this.#seed = seed
    this.#segments = segments
    this.#active = active
    this.#fd = active.file.acquire()
    this.lastTimeMs = lastTimeMs
  }

  /** Rejects with CORRUPT: see `openSegments`. */
  static async open(dir: string, seed: number, recovery: RecoveryPoint | undefined): Promise<FileSegments> {
    const { segments, lastTimeMs } = await openSegments(dir, seed, recovery)
    const active = segments.at(-1)
    if (active === undefined) throw new Error(`${dir} has no segment: openSegments must make one`)
    return new FileSegments(dir, seed, segments, active, lastTimeMs)
  }

  get start(): number {
    return this.#segments[0]?.baseOffset ?? 0
  }

  get end(): number {
    return this.#active.end.offset
  }

  get active(): FileSegment {
    return this.#active
  }

  /** Of the active segment's file. */
  get fd(): number {
    return this.#fd
  }

  /** The segment that holds an offset between `start` and `end`. */
  find(offset: number): FileSegment {
    return this.#segments.findLast(({ baseOffset }) => baseOffset <= offset) ?? this.#active
  }

  /** Starts the next segment at `end`. What is in the active one must be on disk already if it is ever to be. */
  async startNext(durable: boolean): Promise<void> {
    const offset = this.end
    const path = segmentPath(this.#dir, offset)
    closeSync(openSync(path, 'w'))
    if (durable) await syncFolder(this.#dir)
    const next = new FileSegment(new SharedFile(path, 'r+'), offset, this.#seed, { position: 0, offset })
    const fd = next.file.acquire()
    this.close()
    this.#segments.push(next)
    this.#active = next
    this.#fd = fd
  }

  /** Deletes the segments wholly below `beforeOffset`, oldest first; never the active one. */
  trim(beforeOffset: number): void {
    for (;;) {
      const [oldest, next] = this.#segments
      if (oldest === undefined || next === undefined || next.baseOffset > beforeOffset) return
      unlinkSync(oldest.file.path)
      this.#segments.shift()
    }
  }

  close(): void {
    this.#active.file.release()
  }
}
