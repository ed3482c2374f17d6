import type { Block, RecordBlock } from './block.ts'
import { type LargeSink, RECORD_BYTES_MAX } from './large-record.ts'
import { SourceError } from './source-error.ts'

export interface SplitOptions {
  /** Default 900,000. */
  readonly maxLineBytes?: number
  /** Takes a line longer than that. Without it such a line is a SourceError. */
  readonly large?: (position: number) => LargeSink
}

const LF = 0x0a
const CR = 0x0d

/** Cuts chunks into lines. Between chunks it holds the start of one line: in memory, or in the sink once it is long. */
export class LineSplitter {
  readonly #name: string
  readonly #maxLineBytes: number
  readonly #openSink: ((position: number) => LargeSink) | undefined
  #carry: Buffer[] = []
  #carryBytes = 0
  #long: LongLine | undefined
  #position = 0

  constructor(name: string, options: SplitOptions) {
    this.#name = name
    this.#maxLineBytes = options.maxLineBytes ?? RECORD_BYTES_MAX
    this.#openSink = options.large
  }

  async *push(chunk: Buffer): AsyncGenerator<Block, void> {
    let rest = chunk
    if (this.#long !== undefined) {
      const end = chunk.indexOf(LF)
      await this.#long.write(end < 0 ? chunk : chunk.subarray(0, end))
      if (end < 0) return
      yield await this.#endLong(this.#long)
      rest = chunk.subarray(end + 1)
    }
    const last = rest.lastIndexOf(LF)
    if (last >= 0) {
      const slab = this.#takeCarry(rest.subarray(0, last + 1))
      yield* this.#split(slab)
    }
    this.#hold(rest.subarray(last + 1))
    // One more than the limit may be the CR of a line end.
    if (this.#carryBytes > this.#maxLineBytes + 1) {
      this.#long = this.#openLong()
      await this.#long.write(this.#takeCarry(Buffer.alloc(0)))
    }
  }

  /** The last line, where no line end follows it. */
  async *finish(): AsyncGenerator<Block, void> {
    if (this.#long !== undefined) yield await this.#endLong(this.#long)
    else if (this.#carryBytes > 0) yield* this.#split(this.#takeCarry(Buffer.of(LF)))
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return
    // A source that gives a few bytes at a time must not leave a buffer object for each.
    if (this.#carry.length >= 64) this.#carry = [Buffer.concat(this.#carry)]
    this.#carry.push(bytes)
    this.#carryBytes += bytes.length
  }

  #takeCarry(more: Buffer): Buffer {
    const slab = this.#carryBytes === 0 ? more : Buffer.concat([...this.#carry, more])
    this.#carry = []
    this.#carryBytes = 0
    return slab
  }

  /** Blocks of the whole lines in `slab`: one, unless long lines stand between. */
  async *#split(slab: Buffer): AsyncGenerator<Block, void> {
    const bounds = new Bounds()
    let start = 0
    for (let end = slab.indexOf(LF); end >= 0; end = slab.indexOf(LF, start)) {
      const stop = end > start && slab[end - 1] === CR ? end - 1 : end
      if (stop - start > this.#maxLineBytes) {
        yield* this.#block(slab, bounds)
        const long = this.#openLong()
        await long.write(slab.subarray(start, stop))
        yield await this.#endLong(long)
      } else if (stop > start) bounds.add(start, stop)
      start = end + 1
    }
    yield* this.#block(slab, bounds)
  }

  *#block(bytes: Buffer, bounds: Bounds): Generator<RecordBlock, void> {
    const taken = bounds.take()
    const count = taken.length / 2
    if (count === 0) return
    yield { kind: 'records', bytes, bounds: taken, count, position: this.#position }
    this.#position += count
  }

  #openLong(): LongLine {
    if (this.#openSink !== undefined) return new LongLine(this.#openSink(this.#position))
    throw new SourceError(
      `${this.#name}: line ${this.#position + 1} is longer than ${this.#maxLineBytes} bytes. Is it a file of lines?`,
    )
  }

  async #endLong(long: LongLine): Promise<Block> {
    this.#long = undefined
    const pointer = await long.finish()
    return { kind: 'large', position: this.#position++, pointer }
  }
}

/** A line on its way to its sink. The CR of a CRLF is known only at the end, so a last CR is held back. */
class LongLine {
  readonly #sink: LargeSink
  #heldCr = false

  constructor(sink: LargeSink) {
    this.#sink = sink
  }

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return
    if (this.#heldCr) await this.#sink.write(Buffer.of(CR))
    this.#heldCr = bytes[bytes.length - 1] === CR
    await this.#sink.write(this.#heldCr ? bytes.subarray(0, -1) : bytes)
  }

  finish() {
    return this.#sink.finish()
  }
}

class Bounds {
  #array = new Uint32Array(1024)
  #at = 0

  add(start: number, stop: number): void {
    if (this.#at + 2 > this.#array.length) {
      const larger = new Uint32Array(this.#array.length * 2)
      larger.set(this.#array)
      this.#array = larger
    }
    this.#array[this.#at++] = start
    this.#array[this.#at++] = stop
  }

  take(): Uint32Array {
    const taken = this.#array.slice(0, this.#at)
    this.#at = 0
    return taken
  }
}
