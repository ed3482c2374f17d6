/** No answer that Weir asks for is near this: a larger one is not Kafka's protocol, or an attack. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024

/**
 * Cuts a stream of bytes into answers, each behind its length. A large answer is put together in place, once. Throws a
 * RangeError at a length that no answer has.
 */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0)
  #filled = 0
  #frame: Buffer | undefined;

  *push(chunk: Buffer): Generator<Buffer> {
    let rest = chunk
    while (rest.length > 0) {
      rest = this.#frame === undefined ? this.#readLength(rest) : this.#fill(this.#frame, rest)
      if (this.#frame !== undefined && this.#filled === this.#frame.length) {
        const frame = this.#frame
        this.#frame = undefined
        yield frame
      }
    }
  }

  #readLength(bytes: Buffer): Buffer {
    const joined = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
    if (joined.length < 4) {
      this.#pending = joined
      return joined.subarray(joined.length)
    }
    const length = joined.readInt32BE(0)
    if (length < 4 || length > ANSWER_BYTES_MAX) throw new RangeError(`an answer of ${length} bytes`)
    this.#pending = Buffer.alloc(0)
    this.#frame = Buffer.allocUnsafe(length)
    this.#filled = 0
    return joined.subarray(4)
  }

  #fill(frame: Buffer, bytes: Buffer): Buffer {
    const take = Math.min(frame.length - this.#filled, bytes.length)
    bytes.copy(frame, this.#filled, 0, take)
    this.#filled += take
    return bytes.subarray(take)
  }
}
