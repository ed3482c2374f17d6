import type { Socket } from 'node:net'

/**
 * A message between a worker and the host: a small head as JSON, and bytes that pass as they are.
 *
 *     u32 length of what follows · u32 id · u32 length of the head · head · body          (little-endian)
 */
export interface Message {
  /** Of the request and of its reply; 0 where there is no reply. */
  readonly id: number
  readonly head: unknown
  readonly body: Buffer
}

const PREFIX_BYTES = 12
/** Larger than any batch or read; a length beyond it means that the other side speaks something else. */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024

/** Hands a message to the socket, its body uncopied. False where the socket's buffer is full: wait for 'drain'. */
export function writeMessage(
  socket: Socket,
  id: number,
  head: unknown,
  body: readonly Uint8Array[] = [],
): boolean {
  const text = JSON.stringify(head)
  const headBytes = Buffer.byteLength(text)
  const bodyBytes = body.reduce((sum, { length }) => sum + length, 0)
  const start = Buffer.allocUnsafe(PREFIX_BYTES + headBytes)
  start.writeUInt32LE(PREFIX_BYTES - 4 + headBytes + bodyBytes, 0)
  start.writeUInt32LE(id, 4)
  start.writeUInt32LE(headBytes, 8)
  start.write(text, PREFIX_BYTES)
  if (body.length === 0) return socket.write(start)
  socket.cork()
  let more = socket.write(start)
  for (const bytes of body) more = socket.write(bytes)
  socket.uncork()
  return more
}

/** Puts messages together from the chunks a socket brings. A message's body is its own memory: it may be kept. */
export class MessageReader {
  readonly #onMessage: (message: Message) => void
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixFilled = 0
  #content: Buffer | undefined
  #contentFilled = 0

  constructor(onMessage: (message: Message) => void) {
    this.#onMessage = onMessage
  }

  /** Throws where the bytes are no message. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length)
      at += this.#content === undefined ? this.#takePrefix(chunk, at) : this.#take(chunk, at)
  }

  #takePrefix(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#prefix, this.#prefixFilled, at)
    this.#prefixFilled += copied
    if (this.#prefixFilled < PREFIX_BYTES) return copied
    const contentBytes = this.#prefix.readUInt32LE(0) - (PREFIX_BYTES - 4)
    const headBytes = this.#prefix.readUInt32LE(8)
    if (contentBytes > MESSAGE_BYTES_MAX || headBytes > contentBytes) throw new RangeError('not a message')
    this.#content = Buffer.allocUnsafe(contentBytes)
    this.#contentFilled = 0
    this.#prefixFilled = 0
    this.#deliverIfWhole()
    return copied
  }

  #take(chunk: Buffer, at: number): number {
    if (this.#content === undefined) return 0
    const copied = chunk.copy(this.#content, this.#contentFilled, at)
    this.#contentFilled += copied
    this.#deliverIfWhole()
    return copied
  }

  #deliverIfWhole(): void {
    const content = this.#content
    if (content === undefined || this.#contentFilled < content.length) return
    this.#content = undefined
    const headBytes = this.#prefix.readUInt32LE(8)
    const head: unknown = JSON.parse(content.toString('utf8', 0, headBytes))
    this.#onMessage({ id: this.#prefix.readUInt32LE(4), head, body: content.subarray(headBytes) })
  }
}
