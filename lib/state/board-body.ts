import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Board, boardFromBytes, boardToBytes } from '../views/board.ts'
import type { View } from '../views/view.ts'

/** Below it a board is stored as plain JSON: compressing so little saves nothing that is paid for. */
const PLAIN_BYTES_MAX = 4 * 1024
/** RFC 8878, 3.1.1: a frame's first four bytes. JSON begins with a brace. */
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
const POINTER_FORM = 2

/** What an item holds instead of a board that is too large for it. */
export interface BoardPointer {
  readonly mark: number
  /** Key of the object that holds the board's body: the same mark, all keys. */
  readonly object: string
}

/** A board's body: its JSON, as one zstd frame where that is over 4 kB. */
export function packBoard(view: View, board: Board): Uint8Array {
  const json = boardToBytes(view, board)
  return json.length <= PLAIN_BYTES_MAX ? json : zstdCompressSync(json)
}

/** The board of a body. Throws a TypeError on what `packBoard` did not make for this view. */
export function unpackBoard(view: View, body: Uint8Array): Board {
  return boardFromBytes(view, isPacked(body) ? zstdDecompressSync(body) : body)
}

export function writePointer({ mark, object }: BoardPointer): Uint8Array {
  return Buffer.from(JSON.stringify({ form: POINTER_FORM, mark, object }))
}

/** The pointer that an item's bytes are; undefined where they are a board's body. */
export function readPointer(bytes: Uint8Array): BoardPointer | undefined {
  // A body is large and a pointer small: the head tells them apart without parsing either.
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 10)).toString('latin1')
  return head.startsWith(`{"form":${POINTER_FORM},`)
    ? (JSON.parse(Buffer.from(bytes).toString()) as BoardPointer)
    : undefined
}

function isPacked(body: Uint8Array): boolean {
  return ZSTD_MAGIC.equals(body.subarray(0, ZSTD_MAGIC.length))
}
