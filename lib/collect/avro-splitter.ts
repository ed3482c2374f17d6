import { type ContainerHeader, readContainerBlock, readContainerHeader } from '../formats/avro-container.ts'
import { FormatError } from '../stream/format.ts'
import type { Block, RecordBlock } from './block.ts'
import { RECORD_BYTES_MAX } from './large-record.ts'
import type { SplitOptions } from './line-splitter.ts'
import { SourceError } from './source-error.ts'

const HEADER_BYTES_MAX = 4 * 1024 * 1024

/**
 * Cuts an Avro object container file into records that need no file: single-object encoding, each with the fingerprint of
 * the file's schema. Memory is bounded by a block and what it decompresses to. Throws a SourceError that names the byte
 * where the file is damaged or cut short, after the blocks before.
 */
export class AvroSplitter {
  readonly #name: string
  readonly #options: Pick<SplitOptions, 'large' | 'maxLineBytes'>
  #carry: Buffer = Buffer.alloc(0)
  #byte = 0
  #position = 0
  #header: ContainerHeader | undefined

  constructor(name: string, options: Pick<SplitOptions, 'large' | 'maxLineBytes'>) {
    this.#name = name
    this.#options = options
  }

  async *push(chunk: Buffer): AsyncGenerator<Block, void> {
    this.#carry = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk])
    try {
      const header = this.#header ?? this.#readHeader()
      while (header !== undefined && this.#carry.length > 0) {
        const block = readContainerBlock(this.#carry, header)
        if (block === undefined) return
        this.#advance(block.sizeBytes)
        yield* this.#blocks(block.records)
      }
    } catch (error) {
      throw error instanceof SourceError ? error : this.#damaged(error)
    }
  }

  // biome-ignore lint/correctness/useYield: the same form as the other splitters.
  async *finish(): AsyncGenerator<Block, void> {
    if (this.#header !== undefined && this.#carry.length === 0) return
    throw this.#damaged(new FormatError('the file ends within a block'))
  }

  #readHeader(): ContainerHeader | undefined {
    try {
      this.#header = readContainerHeader(this.#carry)
    } catch (error) {
      // Too few bytes look like a wrong header, so it is wrong only once there are more than any has.
      if (this.#carry.length < HEADER_BYTES_MAX && isShort(error)) return undefined
      throw error
    }
    this.#advance(this.#header.sizeBytes)
    return this.#header
  }

  #advance(bytes: number): void {
    this.#byte += bytes
    this.#carry = this.#carry.subarray(bytes)
  }

  #damaged(error: unknown): SourceError {
    const what = error instanceof Error ? error.message : String(error)
    return new SourceError(`${this.#name}: cannot be read from byte ${this.#byte} on: ${what}`)
  }

  async *#blocks(records: readonly Buffer[]): AsyncGenerator<Block, void> {
    const max = this.#options.maxLineBytes ?? RECORD_BYTES_MAX
    let small: Buffer[] = []
    for (const record of records) {
      if (record.length <= max) {
        small.push(record)
        continue
      }
      if (small.length > 0) yield this.#block(small)
      small = []
      yield await this.#large(record)
    }
    if (small.length > 0) yield this.#block(small)
  }

  #block(records: readonly Buffer[]): RecordBlock {
    const bounds = new Uint32Array(records.length * 2)
    let at = 0
    for (const [i, { length }] of records.entries()) {
      bounds[2 * i] = at
      at += length
      bounds[2 * i + 1] = at
    }
    const position = this.#position
    this.#position += records.length
    return { kind: 'records', bytes: Buffer.concat(records), bounds, count: records.length, position }
  }

  async #large(record: Buffer): Promise<Block> {
    const sink = this.#options.large?.(this.#position)
    if (sink === undefined) throw new SourceError(`${this.#name}: record ${this.#position + 1} is too long`)
    await sink.write(record)
    return { kind: 'large', position: this.#position++, pointer: await sink.finish() }
  }
}

function isShort(error: unknown): boolean {
  return error instanceof FormatError && error.message.includes('ends within')
}
