import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Board, boardFromBytes, boardToBytes } from '../views/board.ts'
import type { View } from '../views/view.ts'

/** Above it a body is compressed: an item is paid for by the kilobyte. */
const PLAIN_BYTES_MAX = 1024
/** RFC 8878, 3.1.1: a frame's first four bytes. JSON begins with a brace. */
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
const PARTS_FORM = 3
const HEAD = Buffer.from(`{"form":${PARTS_FORM},`)

/** An immutable object that holds what a stretch of a board's records make. */
export interface BoardPart {
  /** `<mark>-<unique>`: last part of its object key; the mark is the highest origin in it. */
  readonly name: string
  /** Keys in it, at most. */
  readonly keys: number
}

/**
 * What an item holds of a board: the states of its newest records, and the parts that hold those of all others. The board
 * is what they make merged, in any order.
 */
export interface BoardHead {
  readonly parts: readonly BoardPart[]
  /** Its mark is the board's. */
  readonly tail: Board
}

/** A board's states as one zstd frame, or as JSON where that is short. */
export function packBoard(view: View, board: Board): Uint8Array {
  const json = boardToBytes(view, board)
  return json.length <= PLAIN_BYTES_MAX ? json : zstdCompressSync(json)
}

/** Throws a TypeError on what `packBoard` did not make for this view. `wanted`: other keys are left out. */
export function unpackBoard(view: View, body: Uint8Array, wanted?: ReadonlySet<string>): Board {
  return boardFromBytes(view, isPacked(body) ? zstdDecompressSync(body) : body, wanted)
}

/** An item's bytes: the packed tail, and before it, where there are parts, a line that lists them. */
export function packHead(parts: readonly BoardPart[], body: Uint8Array): Uint8Array {
  if (parts.length === 0) return body
  const list = JSON.stringify({ form: PARTS_FORM, parts: parts.map(({ name, keys }) => [name, keys]) })
  return Buffer.concat([Buffer.from(`${list}\n`), body])
}

/** Throws a TypeError on what `packHead` did not make for this view. `wanted`: other keys are left out of the tail. */
export function unpackHead(view: View, bytes: Uint8Array, wanted?: ReadonlySet<string>): BoardHead {
  const { parts, body } = splitHead(bytes)
  return { parts, tail: unpackBoard(view, body, wanted) }
}

/** The parts that an item lists. */
export function partsOfItem(bytes: Uint8Array): readonly BoardPart[] {
  return splitHead(bytes).parts
}

function splitHead(bytes: Uint8Array): { readonly parts: readonly BoardPart[]; readonly body: Uint8Array } {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!HEAD.equals(whole.subarray(0, HEAD.length))) return { parts: [], body: bytes }
  const end = whole.indexOf(10)
  if (end < 0) throw new TypeError('the parts of a board are cut')
  const { parts } = JSON.parse(whole.toString('utf8', 0, end)) as { parts: [string, number][] }
  return { parts: parts.map(([name, keys]) => ({ name, keys })), body: whole.subarray(end + 1) }
}

function isPacked(body: Uint8Array): boolean {
  return ZSTD_MAGIC.equals(body.subarray(0, ZSTD_MAGIC.length))
}
