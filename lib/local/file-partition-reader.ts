import { fstatSync, readdirSync } from 'node:fs'
import { PortError } from '../ports/errors.ts'
import type { StoredBatch } from '../ports/event-log.ts'
import { knownPoint, type RecoveryPoint, sealedSegment } from './file-recovery.ts'
import { FileSegment, segmentBase, segmentPath } from './file-segment.ts'
import { scanIntact } from './frame-scan.ts'
import { isNotThere } from './fs-errors.ts'
import { SharedFile } from './shared-file.ts'

export interface PartitionReaderOptions {
  readonly dir: string
  /** For messages: `topic/partition`. */
  readonly name: string
  readonly seed: number
  /** Up to where the last segment needs no checking, as the log's owner last wrote it. */
  readonly recovery: () => RecoveryPoint | undefined
}

/** How often the folder is read again where a segment has gone, or was cut, between two looks at it. */
const LOOKS_MAX = 5

/** One partition of a `FileLogReader`, as it was when it was last looked at. */
export class FilePartitionReader {
  readonly #options: PartitionReaderOptions
  #segments: readonly FileSegment[] = []

  constructor(options: PartitionReaderOptions) {
    this.#options = options
  }

  get start(): number {
    return this.#segments[0]?.baseOffset ?? 0
  }

  get end(): number {
    return this.#segments.at(-1)?.end.offset ?? 0
  }

  async look(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#segments = await this.#find()
        return
      } catch (error) {
        const passing = isNotThere(error) || error instanceof RangeError
        if (!passing || attempt === LOOKS_MAX) throw error
      }
    }
  }

  async read(fromOffset: number, maxBytes: number): Promise<readonly StoredBatch[]> {
    if (fromOffset >= this.end) await this.look()
    this.#assertHeld(fromOffset)
    if (fromOffset === this.end) return []
    const segment = this.#segments.findLast(({ baseOffset }) => baseOffset <= fromOffset)
    try {
      return (await segment?.read(fromOffset, maxBytes)) ?? []
    } catch (error) {
      await this.look()
      this.#assertHeld(fromOffset) // it may have been trimmed meanwhile
      throw error
    }
  }

  async #find(): Promise<readonly FileSegment[]> {
    const { dir, seed } = this.#options
    const bases = readdirSync(dir).flatMap((name) => segmentBase(name) ?? [])
    bases.sort((a, b) => a - b)
    const last = bases.pop()
    if (last === undefined) return []
    const sealed = bases.map((base, i) => {
      const next = bases[i + 1] ?? last
      // What is known of a segment that nobody writes to any more, its index above all, is kept.
      const before = this.#segments.slice(0, -1).find(({ baseOffset }) => baseOffset === base)
      return before ?? sealedSegment(dir, base, next, seed)
    })
    return [...sealed, await this.#last(last)]
  }

  /** The segment that is written to: what is intact of it. Behind that may lie an append that is under way, or torn. */
  async #last(base: number): Promise<FileSegment> {
    const { dir, seed, recovery } = this.#options
    const file = new SharedFile(segmentPath(dir, base), 'r')
    return file.use(async (fd) => {
      const sizeBytes = fstatSync(fd).size
      const known = knownPoint(base, sizeBytes, recovery())
      const segment = new FileSegment(file, base, seed, known)
      const range = { fd, from: known.position, to: sizeBytes, nextOffset: known.offset }
      await scanIntact(range, seed, (_, header) => segment.extend(header))
      return segment
    })
  }

  #assertHeld(offset: number): void {
    if (offset >= this.start && offset <= this.end) return
    const message = `${this.#options.name} holds the offsets ${this.start} to ${this.end}, asked for ${offset}`
    throw new PortError('OFFSET_OUT_OF_RANGE', message, { curable: false })
  }
}
