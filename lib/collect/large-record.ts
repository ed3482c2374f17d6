import { createHash } from 'node:crypto'
import type { ObjectStore } from '../ports/object-store.ts'
import { pieceKey } from '../state/large-record.ts'
import type { RawPointer } from '../stream/entry.ts'

/** Records longer than this do not go into the log but into the object store. */
export const RECORD_BYTES_MAX = 900_000

/** Bytes of a record in one object: so much of a record is in memory at most. */
export const PIECE_BYTES_MAX = 64 * 1024 * 1024

/** Takes a large record piece by piece. */
export interface LargeSink {
  write(bytes: Uint8Array): Promise<void>
  finish(): Promise<RawPointer>
}

/**
 * Writes a record of any length to the object store. Up to 64 MiB it is one object under `key`; of a longer one, `key`
 * holds the first 64 MiB, `key.1` the next, and so on. The key comes from the record's place in its run, so writing it
 * again after a crash writes the same objects again.
 */
export class LargeRecordWriter implements LargeSink {
  readonly #objects: Pick<ObjectStore, 'put'>
  readonly #key: string
  readonly #pieceBytesMax: number
  readonly #hash = createHash('sha256')
  #pieces = 0
  #held: Buffer[] = []
  #heldBytes = 0
  #sizeBytes = 0

  constructor(objects: Pick<ObjectStore, 'put'>, key: string, pieceBytesMax = PIECE_BYTES_MAX) {
    this.#objects = objects
    this.#key = key
    this.#pieceBytesMax = pieceBytesMax
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes)
    this.#sizeBytes += bytes.length
    let rest = Buffer.from(bytes)
    while (this.#heldBytes + rest.length > this.#pieceBytesMax) {
      const room = this.#pieceBytesMax - this.#heldBytes
      this.#hold(rest.subarray(0, room))
      await this.#putPiece()
      rest = rest.subarray(room)
    }
    this.#hold(rest)
  }

  async finish(): Promise<RawPointer> {
    if (this.#heldBytes > 0 || this.#pieces === 0) await this.#putPiece()
    return { key: this.#key, sizeBytes: this.#sizeBytes, sha256: this.#hash.digest('hex') }
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
  }

  async #putPiece(): Promise<void> {
    await this.#objects.put(pieceKey(this.#key, this.#pieces), Buffer.concat(this.#held))
    this.#pieces++
    this.#held = []
    this.#heldBytes = 0
  }
}
