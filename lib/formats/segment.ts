import { createHash } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { ByteSource } from './segment-bytes.ts'
import { compareKeys, keyHash } from './segment-order.ts'

/**
 * The form of a segment, the unit a batch view is stored in: keys of one chunk of slots with their aggregate states.
 *
 *     block ... block footer trailer
 *
 * A block is one zstd frame (with checksum) of at most about 64 kB of pieces: key, steps from slot to slot less one, and the
 * states as one JSON array; each behind its length in bytes, so that a look-up skips what it does not want; numbers in
 * LEB128. The footer, one frame
 * too, is a `SegmentFooter` as JSON. The trailer is the footer's length (uint32, little endian) and a magic.
 */
export const MAGIC = 'WSG1'
const TRAILER_BYTES = 8

/** A key with its slots (ascending, ms) and the state of each, as JSON. */
export interface SegmentKey {
  readonly key: string
  readonly slots: readonly number[]
  readonly states: readonly unknown[]
}

export interface SegmentFooter {
  readonly form: 1
  /** sha256 of the content before compression, hex. */
  readonly name: string
  readonly slotMs: number
  /** Start of the chunk, ms. */
  readonly from: number
  readonly keys: number
  readonly rows: number
  readonly blocks: readonly BlockNote[]
}

export interface BlockNote {
  /** Of the block's first key. */
  readonly hash: number
  readonly key: string
  readonly sizeBytes: number
}

/** The footer from the last bytes of a segment, `tailBytes` of them or more. Throws a TypeError on anything else. */
export function readFooter(tail: Uint8Array): SegmentFooter {
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength)
  const end = bytes.length - TRAILER_BYTES
  if (end < 0 || bytes.toString('latin1', end + 4) !== MAGIC) throw new TypeError('not a segment of form 1')
  const start = end - bytes.readUInt32LE(end)
  if (start < 0) throw new TypeError('a segment cut short')
  const footer = JSON.parse(zstdDecompressSync(bytes.subarray(start, end)).toString()) as SegmentFooter
  if (footer.form !== 1) throw new TypeError('not a segment of form 1')
  return footer
}

/** Where the blocks lie that may hold `key`; all blocks without one. In order; ends are exclusive. */
export function blocksOf(
  { blocks }: SegmentFooter,
  key?: string,
): readonly { readonly start: number; readonly end: number }[] {
  const ranges: { start: number; end: number }[] = []
  const hash = key === undefined ? 0 : keyHash(key)
  let start = 0
  for (const [i, block] of blocks.entries()) {
    const next = blocks[i + 1]
    const end = start + block.sizeBytes
    // A key that was cut goes on in the next block: its own first key is then the same.
    const wanted =
      key === undefined ||
      (compareKeys(block.hash, block.key, hash, key) <= 0 &&
        (next === undefined || compareKeys(next.hash, next.key, hash, key) >= 0))
    if (wanted) ranges.push({ start, end })
    start = end
  }
  return ranges
}

/** A block's content. Throws where its checksum does not hold. */
export function unpackBlock(packed: Uint8Array): Uint8Array {
  return zstdDecompressSync(packed)
}

/** The keys of an unpacked block, in order, or of `key` alone. One that was cut comes in several pieces. */
export function* keysOfBlock(
  { slotMs, from }: Pick<SegmentFooter, 'slotMs' | 'from'>,
  raw: Uint8Array,
  key?: string,
): Generator<SegmentKey> {
  const source = new ByteSource(raw)
  while (!source.done) {
    const found = source.text()
    if (key !== undefined && found !== key) {
      source.skip()
      source.skip()
      continue
    }
    let slot = from - slotMs
    const slots = source.varints().map((steps) => {
      slot += (steps + 1) * slotMs
      return slot
    })
    yield { key: found, slots, states: JSON.parse(source.text()) as unknown[] }
  }
}

/** All keys of a whole segment, in order, each once. */
export function* readSegment(bytes: Uint8Array): Generator<SegmentKey> {
  const footer = readFooter(bytes)
  yield* wholeKeys(unpackedBlocks(footer, bytes), footer)
}

/** Puts together again the keys that were cut. */
export function* wholeKeys(
  raws: Iterable<Uint8Array>,
  footer: Pick<SegmentFooter, 'slotMs' | 'from'>,
): Generator<SegmentKey> {
  let held: SegmentKey | undefined
  for (const raw of raws)
    for (const piece of keysOfBlock(footer, raw)) {
      if (held?.key === piece.key) {
        held = {
          key: held.key,
          slots: [...held.slots, ...piece.slots],
          states: [...held.states, ...piece.states],
        }
        continue
      }
      if (held !== undefined) yield held
      held = piece
    }
  if (held !== undefined) yield held
}

/** The name that a segment's content makes: for proving that a stored one is what its name says. */
export function nameOfContent(bytes: Uint8Array): string {
  const footer = readFooter(bytes)
  const { slotMs, from } = footer
  const hash = createHash('sha256').update(JSON.stringify({ form: 1, slotMs, from }))
  for (const raw of unpackedBlocks(footer, bytes)) hash.update(raw)
  return hash.digest('hex')
}

function* unpackedBlocks(footer: SegmentFooter, bytes: Uint8Array): Generator<Uint8Array> {
  for (const { start, end } of blocksOf(footer)) yield unpackBlock(bytes.subarray(start, end))
}
