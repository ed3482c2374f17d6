/** Bytes appended one after the other into one growing buffer. */
export class ByteSink {
  #bytes: Buffer
  length = 0

  constructor(sizeBytes = 4096) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes)
  }

  /** A whole number from 0 up, in LEB128: seven bits a byte, lowest first. */
  varint(n: number): void {
    this.#reserve(8)
    let rest = n
    while (rest >= 128) {
      this.#bytes[this.length++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.length++] = rest
  }

  /** The text in UTF-8 behind its length in bytes. */
  text(text: string): void {
    const sizeBytes = Buffer.byteLength(text)
    this.varint(sizeBytes)
    this.#reserve(sizeBytes)
    this.length += this.#bytes.write(text, this.length)
  }

  /** What was written to another sink since its last `take`, behind its length in bytes. */
  sink(other: ByteSink): void {
    const taken = other.take()
    this.varint(taken.length)
    this.#reserve(taken.length)
    taken.copy(this.#bytes, this.length)
    this.length += taken.length
  }

  /** What was written since the last call, as a copy; the sink is empty after it. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.length))
    this.length = 0
    return taken
  }

  #reserve(sizeBytes: number): void {
    if (this.length + sizeBytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.length + sizeBytes))
    this.#bytes.copy(grown, 0, 0, this.length)
    this.#bytes = grown
  }
}

/** Reads what a `ByteSink` wrote. Throws a RangeError beyond the end. */
export class ByteSource {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.at >= this.#bytes.length
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) throw new RangeError('the bytes end within a number')
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  text(): string {
    const end = this.#end()
    const text = this.#bytes.toString('utf8', this.at, end)
    this.at = end
    return text
  }

  /** Over a text, or what was written by `sink`. */
  skip(): void {
    this.at = this.#end()
  }

  /** Numbers that were written to another sink and put here by `sink`. */
  varints(): number[] {
    const end = this.#end()
    const numbers: number[] = []
    while (this.at < end) numbers.push(this.varint())
    return numbers
  }

  #end(): number {
    const sizeBytes = this.varint()
    const end = this.at + sizeBytes
    if (end > this.#bytes.length) throw new RangeError('the bytes end within a text')
    return end
  }
}
