import type { Duplex } from 'node:stream'

const LENGTH_BYTES = 4

/** Messages between the main process and a worker: u32 length (little-endian), then that many bytes. */
export function sendMessage(channel: Duplex, pieces: readonly Buffer[]): void {
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeUInt32LE(pieces.reduce((sum, piece) => sum + piece.length, 0))
  channel.cork()
  channel.write(length)
  for (const piece of pieces) channel.write(piece)
  channel.uncork()
}

/** Calls `onMessage` with each whole message that arrives: see `FrameReader`. */
export function onMessages(channel: Duplex, onMessage: (bytes: Buffer) => void): void {
  const reader = new FrameReader(onMessage)
  channel.on('data', (chunk: Buffer) => reader.push(chunk))
}

/**
 * Puts messages together from chunks of any size. The bytes of a message are good until the callback returns: all messages use
 * one memory, which grows with the largest. New memory for each would be megabytes outside V8's heap, which V8
 * answers with collections.
 */
export class FrameReader {
  readonly #onMessage: (bytes: Buffer) => void
  readonly #prefix = Buffer.alloc(LENGTH_BYTES)
  #prefixFilled = 0
  #message = Buffer.alloc(0)
  #filled = 0
  #length = 0

  constructor(onMessage: (bytes: Buffer) => void) {
    this.#onMessage = onMessage
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; )
      at += this.#prefixFilled < LENGTH_BYTES ? this.#takePrefix(chunk, at) : this.#take(chunk, at)
  }

  #takePrefix(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#prefix, this.#prefixFilled, at)
    this.#prefixFilled += copied
    if (this.#prefixFilled < LENGTH_BYTES) return copied
    this.#length = this.#prefix.readUInt32LE(0)
    this.#filled = 0
    if (this.#message.length < this.#length) this.#message = Buffer.allocUnsafeSlow(this.#length)
    this.#deliverIfWhole()
    return copied
  }

  #take(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#length - this.#filled)
    const copied = chunk.copy(this.#message, this.#filled, at, end)
    this.#filled += copied
    this.#deliverIfWhole()
    return copied
  }

  #deliverIfWhole(): void {
    if (this.#filled < this.#length) return
    this.#prefixFilled = 0
    this.#onMessage(this.#message.subarray(0, this.#length))
  }
}
