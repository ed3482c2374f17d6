/**
 * Kafka's primitive types, big-endian, as https://kafka.apache.org/protocol#protocol_types names them.
 * "Compact" ones carry their length plus one as an unsigned varint; 0 is null.
 */
export class WireWriter {
  #bytes: Buffer
  #at = 0

  constructor(initialBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(initialBytes)
  }

  int8(value: number): this {
    this.#reserve(1)
    this.#at = this.#bytes.writeInt8(value, this.#at)
    return this
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int16(value: number): this {
    this.#reserve(2)
    this.#at = this.#bytes.writeInt16BE(value, this.#at)
    return this
  }

  int32(value: number): this {
    this.#reserve(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
    return this
  }

  int64(value: number | bigint): this {
    this.#reserve(8)
    this.#at = this.#bytes.writeBigInt64BE(BigInt(value), this.#at)
    return this
  }

  uvarint(value: number): this {
    this.#reserve(5)
    let rest = value
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
    this.#bytes[this.#at++] = rest
    return this
  }

  string(text: string | null): this {
    if (text === null) return this.int16(-1)
    const encoded = Buffer.from(text, 'utf8')
    return this.int16(encoded.length).raw(encoded)
  }

  compactString(text: string | null): this {
    if (text === null) return this.uvarint(0)
    const encoded = Buffer.from(text, 'utf8')
    return this.uvarint(encoded.length + 1).raw(encoded)
  }

  bytes(value: Uint8Array): this {
    return this.int32(value.length).raw(value)
  }

  array<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.int32(items.length)
    for (const item of items) write(this, item)
    return this
  }

  compactArray<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.uvarint(items.length + 1)
    for (const item of items) write(this, item)
    return this
  }

  /** No tagged fields: what ends every structure of a flexible version. */
  tags(): this {
    return this.uvarint(0)
  }

  raw(value: Uint8Array): this {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
    return this
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** Reads what a broker answered. Throws a RangeError past the end of the bytes. */
export class WireReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1))
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  /** Offsets, times and sizes: all below 2^53. */
  int64(): number {
    return Number(this.bigint64())
  }

  bigint64(): bigint {
    return this.#bytes.readBigInt64BE(this.#skip(8))
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#skip(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new RangeError('varint longer than five bytes')
  }

  string(): string {
    return this.nullableString() ?? ''
  }

  nullableString(): string | null {
    return this.#text(this.int16())
  }

  compactString(): string {
    return this.compactNullableString() ?? ''
  }

  compactNullableString(): string | null {
    return this.#text(this.uvarint() - 1)
  }

  /** A view into the answer, empty where it is null. */
  bytes(): Buffer {
    const length = this.int32()
    return length < 0 ? Buffer.alloc(0) : this.raw(length)
  }

  raw(length: number): Buffer {
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  array<T>(read: (reader: this) => T): T[] {
    return this.#items(this.int32(), read)
  }

  compactArray<T>(read: (reader: this) => T): T[] {
    return this.#items(this.uvarint() - 1, read)
  }

  uuid(): string {
    const hex = this.raw(16).toString('hex')
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }

  tags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint()
      this.raw(this.uvarint())
    }
  }

  #items<T>(count: number, read: (reader: this) => T): T[] {
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read(this))
    return items
  }

  #text(length: number): string | null {
    return length < 0 ? null : this.raw(length).toString('utf8')
  }

  #skip(bytes: number): number {
    const start = this.#at
    if (start + bytes > this.#bytes.length)
      throw new RangeError(`answer ends after ${this.#bytes.length} bytes, ${start + bytes} expected`)
    this.#at += bytes
    return start
  }
}
