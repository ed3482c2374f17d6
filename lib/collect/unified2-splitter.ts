import { cutUnified2 } from '../formats/unified2-cut.ts'
import type { Block, RecordBlock } from './block.ts'
import type { SplitOptions } from './line-splitter.ts'

export type Unified2SplitOptions = Pick<SplitOptions, 'fromByte'> & {
  /** Told, with file and offset, where a file breaks off: what is wrong and what was done. */
  readonly notice?: (message: string) => void
  /** A record that is not all there yet is nothing to tell. */
  readonly tailWaits?: boolean
}

/**
 * Cuts a unified2 spool into raw records: the original bytes of an event and of the packets and extra data that follow
 * it. The last event is held back until the next one begins or the file is over, as more may belong to it. Behind a header
 * that is none nothing can be read: that is told once, and the rest of the file is left. Memory is bounded by a chunk
 * and the largest event.
 */
export class Unified2Splitter {
  readonly #name: string
  readonly #notice: (message: string) => void
  readonly #byBytes: boolean
  readonly #tailWaits: boolean
  #carry: Buffer = Buffer.alloc(0)
  /** Where the carry starts. */
  #byte: number
  #position = 0
  #broken = false
  readonly inLongLine = false

  constructor(name: string, { fromByte, notice, tailWaits = false }: Unified2SplitOptions) {
    this.#name = name
    this.#notice = notice ?? (() => undefined)
    this.#tailWaits = tailWaits
    this.#byBytes = fromByte !== undefined
    this.#byte = fromByte ?? 0
  }

  /** Where the event after the last one given starts. */
  get givenToByte(): number {
    return this.#byte
  }

  async *push(chunk: Buffer): AsyncGenerator<Block, void> {
    if (this.#broken) return
    const slab = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk])
    const { bounds, openFrom, parsedTo, corrupt } = cutUnified2(slab)
    const all = corrupt !== undefined && parsedTo > openFrom ? [...bounds, openFrom, parsedTo] : bounds
    const from = this.#byte
    const taken = corrupt === undefined ? openFrom : parsedTo
    this.#carry = slab.subarray(taken)
    this.#byte += taken
    yield* this.#block(slab, all, from)
    if (corrupt === undefined) return
    this.#broken = true
    this.#carry = Buffer.alloc(0)
    this.#notice(
      `${this.#name}: no unified2 record at byte ${this.#byte}: ${corrupt}; the rest of the file is left`,
    )
  }

  /** The last event, and a word on a record that is not all there: its writer may be at work still. */
  async *finish(): AsyncGenerator<Block, void> {
    if (this.#broken) return
    const slab = this.#carry
    const { parsedTo } = cutUnified2(slab)
    const from = this.#byte
    this.#carry = slab.subarray(parsedTo)
    this.#byte += parsedTo
    if (parsedTo > 0) yield* this.#block(slab, [0, parsedTo], from)
    if (this.#carry.length > 0 && !this.#tailWaits)
      this.#notice(
        `${this.#name}: ends within a record, which begins at byte ${this.#byte}; ${this.#carry.length} bytes are left`,
      )
  }

  *#block(bytes: Buffer, bounds: readonly number[], fromByte: number): Generator<RecordBlock, void> {
    const count = bounds.length / 2
    if (count === 0) return
    const starts = Float64Array.from({ length: count }, (_, i) => fromByte + (bounds[2 * i] ?? 0))
    const position = this.#byBytes ? (starts[0] ?? 0) : this.#position
    this.#position += count
    yield {
      kind: 'records',
      bytes,
      bounds: Uint32Array.from(bounds),
      count,
      position,
      ...(this.#byBytes && { positions: starts }),
    }
  }
}
