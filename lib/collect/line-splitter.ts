import { type CsvEndsOptions, csvEnds } from '../formats/csv-ends.ts'
import type { Framing } from '../stream/format.ts'
import type { Block, RecordBlock } from './block.ts'
import { type LargeSink, RECORD_BYTES_MAX } from './large-record.ts'
import { SourceError } from './source-error.ts'

export interface SplitOptions {
  /** Default 900,000. */
  readonly maxLineBytes?: number
  /** Takes a line longer than that. Without it such a line is a SourceError. */
  readonly large?: (position: number) => LargeSink
  /** Where records are more than lines. Default: each line is one. */
  readonly framing?: Framing
  /** Positions are bytes: where each line starts, counted from here. Without it they are numbers of lines, from 0. */
  readonly fromByte?: number
}

const LF = 0x0a
const CR = 0x0d

/**
 * Cuts chunks into lines, or into CSV records with line ends in their quotes. Between chunks it holds the start of one: in
 * memory, or in the sink once it is long.
 */
export class LineSplitter {
  readonly #name: string
  readonly #maxLineBytes: number
  readonly #openSink: ((position: number) => LargeSink) | undefined
  #carry: Buffer[] = []
  #carryBytes = 0
  #long: LongLine | undefined
  #position = 0
  readonly #byBytes: boolean
  readonly #csv: Omit<CsvEndsOptions, 'final'> | undefined
  /** Where the chunk, slab or carry in hand starts. */
  #byte: number
  #longByte = 0
  #givenToByte: number

  constructor(name: string, options: SplitOptions) {
    this.#name = name
    this.#maxLineBytes = options.maxLineBytes ?? RECORD_BYTES_MAX
    this.#openSink = options.large
    const { framing = 'lines' } = options
    if (framing !== 'lines') this.#csv = { maxBytes: this.#maxLineBytes, orJson: framing === 'csv-or-json' }
    this.#byBytes = options.fromByte !== undefined
    this.#byte = options.fromByte ?? 0
    this.#givenToByte = this.#byte
  }

  /** Where the line after the last one given starts. */
  get givenToByte(): number {
    return this.#givenToByte
  }

  /** True in the middle of a line too large for the log. */
  get inLongLine(): boolean {
    return this.#long !== undefined
  }

  async *push(chunk: Buffer): AsyncGenerator<Block, void> {
    let rest = chunk
    if (this.#long !== undefined) {
      const end = chunk.indexOf(LF)
      await this.#long.write(end < 0 ? chunk : chunk.subarray(0, end))
      this.#byte += end < 0 ? chunk.length : end + 1
      if (end < 0) return
      this.#givenToByte = this.#byte
      yield await this.#endLong(this.#long)
      rest = chunk.subarray(end + 1)
    }
    if (this.#csv !== undefined) {
      const slab = this.#takeCarry(rest)
      const ends = csvEnds(slab, { ...this.#csv, final: false })
      const open = (ends.at(-1) ?? -1) + 1
      yield* this.#split(slab.subarray(0, open), ends)
      this.#hold(slab.subarray(open))
    } else {
      const last = rest.lastIndexOf(LF)
      if (last >= 0) yield* this.#split(this.#takeCarry(rest.subarray(0, last + 1)))
      this.#hold(rest.subarray(last + 1))
    }
    // One more than the limit may be the CR of a line end.
    if (this.#carryBytes > this.#maxLineBytes + 1) {
      this.#long = this.#openLong(this.#byte)
      const carry = this.#takeCarry(Buffer.alloc(0))
      this.#byte += carry.length
      await this.#long.write(carry)
    }
  }

  /** The last line, where no line end follows it. */
  async *finish(): AsyncGenerator<Block, void> {
    if (this.#long !== undefined) yield await this.#endLong(this.#long)
    else if (this.#carryBytes > 0) {
      const slab = this.#takeCarry(Buffer.of(LF))
      yield* this.#split(slab, this.#csv && csvEnds(slab, { ...this.#csv, final: true }))
    }
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

  /** Blocks of the whole records in `slab`: one, unless long ones stand between. `ends`: where they end, by default each line. */
  async *#split(slab: Buffer, ends?: readonly number[]): AsyncGenerator<Block, void> {
    const bounds = new Bounds()
    let start = 0
    for (let i = 0; start < slab.length; i++) {
      const end = ends === undefined ? slab.indexOf(LF, start) : (ends[i] ?? -1)
      if (end < 0) break
      const stop = end > start && slab[end - 1] === CR ? end - 1 : end
      if (stop - start > this.#maxLineBytes) {
        yield* this.#block(slab, bounds)
        const long = this.#openLong(this.#byte + start)
        await long.write(slab.subarray(start, stop))
        this.#givenToByte = this.#byte + end + 1
        yield await this.#endLong(long)
      } else if (stop > start) bounds.add(start, stop)
      start = end + 1
      if (bounds.empty) this.#givenToByte = this.#byte + start
      else bounds.givenTo = this.#byte + start
    }
    yield* this.#block(slab, bounds)
    this.#byte += slab.length
  }

  *#block(bytes: Buffer, bounds: Bounds): Generator<RecordBlock, void> {
    const taken = bounds.take()
    const count = taken.length / 2
    if (count === 0) return
    this.#givenToByte = bounds.givenTo
    if (this.#byBytes) {
      const positions = Float64Array.from({ length: count }, (_, i) => this.#byte + (taken[2 * i] as number))
      yield { kind: 'records', bytes, bounds: taken, count, position: positions[0] as number, positions }
    } else yield { kind: 'records', bytes, bounds: taken, count, position: this.#position }
    this.#position += count
  }

  #openLong(byte: number): LongLine {
    this.#longByte = byte
    if (this.#byBytes && this.#openSink !== undefined) return new LongLine(this.#openSink(byte))
    if (this.#openSink !== undefined) return new LongLine(this.#openSink(this.#position))
    throw new SourceError(
      `${this.#name}: line ${this.#position + 1} is longer than ${this.#maxLineBytes} bytes. Is it a file of lines?`,
    )
  }

  async #endLong(long: LongLine): Promise<Block> {
    this.#long = undefined
    const pointer = await long.finish()
    const position = this.#byBytes ? this.#longByte : this.#position
    this.#position++
    return { kind: 'large', position, pointer }
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
  /** Where the line after the last one starts. */
  givenTo = 0

  get empty(): boolean {
    return this.#at === 0
  }

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
