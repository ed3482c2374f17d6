import { createHash, type Hash } from 'node:crypto'
import { constants, zstdCompressSync } from 'node:zlib'
import { type BlockNote, MAGIC, type SegmentFooter, type SegmentKey } from './segment.ts'
import { ByteSink } from './segment-bytes.ts'
import { compareKeys, keyHash } from './segment-order.ts'

/** What a block holds before it is compressed; a point look-up reads and decodes one. */
const BLOCK_BYTES = 64 * 1024
/** States of one key that lie side by side: a key with more is cut, so that no block grows far beyond its size. */
const PIECE_CHARS = 32 * 1024

const ZSTD = {
  params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
}

export interface WrittenSegment {
  /** sha256 of the content before compression, hex: the same content has the same name whoever compressed it. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Of its end, with the footer: what a reader fetches first. */
  readonly tailBytes: number
  readonly keys: number
  readonly rows: number
}

/**
 * Writes a segment: keys of one chunk of slots with their states, canonical. Keys must come in the order of
 * segment-order.ts, slots ascending; throws an Error otherwise, because the same content must always make the same bytes.
 */
export class SegmentWriter {
  readonly #slotMs: number
  readonly #from: number
  readonly #sink = new ByteSink(BLOCK_BYTES * 2)
  readonly #steps = new ByteSink()
  readonly #hash: Hash
  readonly #blocks: BlockNote[] = []
  readonly #packed: Uint8Array[] = []
  #first: { hash: number; key: string } | undefined
  #last: { hash: number; key: string } | undefined
  #keys = 0
  #rows = 0

  /** `from`: start of the chunk, ms; every slot is a multiple of `slotMs` from it on. */
  constructor({ slotMs, from }: { readonly slotMs: number; readonly from: number }) {
    this.#slotMs = slotMs
    this.#from = from
    this.#hash = createHash('sha256').update(JSON.stringify({ form: 1, slotMs, from }))
  }

  get keys(): number {
    return this.#keys
  }

  add({ key, slots, states }: SegmentKey): void {
    const hash = keyHash(key)
    const last = this.#last
    if (last !== undefined && compareKeys(last.hash, last.key, hash, key) >= 0)
      throw new Error('keys of a segment must come in order, each once')
    this.#last = { hash, key }
    this.#keys++
    this.#rows += slots.length
    let begin = 0
    while (begin < slots.length) {
      let chars = 0
      const texts: string[] = []
      while (begin + texts.length < slots.length && (texts.length === 0 || chars < PIECE_CHARS)) {
        const text = JSON.stringify(states[begin + texts.length])
        texts.push(text)
        chars += text.length
      }
      this.#addPiece(hash, key, slots, begin, texts)
      begin += texts.length
    }
  }

  #addPiece(hash: number, key: string, slots: readonly number[], begin: number, texts: readonly string[]) {
    this.#first ??= { hash, key }
    this.#sink.text(key)
    let previous = this.#from - this.#slotMs
    for (let i = begin; i < begin + texts.length; i++) {
      const slot = slots[i] ?? 0
      const steps = (slot - previous) / this.#slotMs
      if (!Number.isSafeInteger(steps) || steps < 1)
        throw new Error(`slots of a segment must ascend by multiples of ${this.#slotMs} from ${this.#from}`)
      this.#steps.varint(steps - 1)
      previous = slot
    }
    this.#sink.sink(this.#steps)
    this.#sink.text(`[${texts.join(',')}]`)
    if (this.#sink.length >= BLOCK_BYTES) this.#closeBlock()
  }

  #closeBlock(): void {
    const first = this.#first
    if (first === undefined) return
    const raw = this.#sink.take()
    const packed = zstdCompressSync(raw, ZSTD)
    this.#hash.update(raw)
    this.#packed.push(packed)
    this.#blocks.push({ ...first, sizeBytes: packed.length })
    this.#first = undefined
  }

  finish(): WrittenSegment {
    this.#closeBlock()
    const counts = { keys: this.#keys, rows: this.#rows }
    const name = this.#hash.digest('hex')
    const footer: SegmentFooter = {
      form: 1,
      name,
      slotMs: this.#slotMs,
      from: this.#from,
      ...counts,
      blocks: this.#blocks,
    }
    const packed = zstdCompressSync(Buffer.from(JSON.stringify(footer)), ZSTD)
    const trailer = Buffer.alloc(8)
    trailer.writeUInt32LE(packed.length)
    trailer.write(MAGIC, 4, 'latin1')
    const bytes = Buffer.concat([...this.#packed, packed, trailer])
    return { name, bytes, tailBytes: packed.length + trailer.length, ...counts }
  }
}
