/**
 * Records packed into one slab of bytes: what is appended to a log in one request, and what is read back.
 *
 * Nothing is allocated per record on the way in, and on the way out a record is a view into the slab. Layout of a
 * record, integers little-endian:
 *
 *     u32 key length (0xffffffff: no key) · key · u32 value length · value · u16 headers ·
 *     each header: u16 name length · name (UTF-8) · u32 value length · value
 */
export interface Header {
  readonly name: string
  readonly value: Uint8Array
}

/** One record. `key` and `value` are views into the batch: copy them to keep them past the batch. */
export interface LogRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array
  readonly headers: readonly Header[]
}

const NO_KEY = 0xffffffff
const NO_HEADERS: readonly Header[] = []

/** An immutable run of records, in order. Its first record has the offset its holder says (see `StoredBatch`). */
export class RecordBatch {
  readonly bytes: Buffer
  readonly count: number

  /** Takes the slab as it is, uncopied. Throws nothing here; a damaged slab throws a RangeError when it is read. */
  constructor(bytes: Uint8Array, count: number) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.count = count
  }

  *[Symbol.iterator](): Iterator<LogRecord> {
    let at = 0
    for (let i = 0; i < this.count; i++) {
      const record = readRecord(this.bytes, at)
      at = record.end
      yield record
    }
  }

  /** The records from index `from` to before `to` as a batch over the same bytes. */
  slice(from: number, to: number = this.count): RecordBatch {
    if (from <= 0 && to >= this.count) return this
    let at = 0
    let start = 0
    for (let i = 0; i < to; i++) {
      if (i === from) start = at
      at = skipRecord(this.bytes, at)
    }
    return from >= to ? EMPTY : new RecordBatch(this.bytes.subarray(start, at), to - from)
  }
}

const EMPTY = new RecordBatch(new Uint8Array(0), 0)

/**
 * Where the records of a batch lie in its bytes, one after the other: for hot paths, since nothing is allocated for a
 * record. Throws a RangeError on a damaged batch.
 */
export class RecordCursor {
  readonly #batch: RecordBatch
  #left: number
  #end = 0
  #headersAt = 0
  /** Key: bytes [keyStart, keyEnd); keyStart -1: none. */
  keyStart = -1
  keyEnd = 0
  valueStart = 0
  valueEnd = 0

  constructor(batch: RecordBatch) {
    this.#batch = batch
    this.#left = batch.count
  }

  /** Goes to the next record; false after the last. */
  next(): boolean {
    if (this.#left === 0) return false
    this.#left--
    const { bytes } = this.#batch
    const start = this.#end
    const keyLength = bytes.readUInt32LE(start)
    this.keyStart = keyLength === NO_KEY ? -1 : start + 4
    this.keyEnd = keyLength === NO_KEY ? start + 4 : start + 4 + keyLength
    this.valueStart = this.keyEnd + 4
    this.valueEnd = this.valueStart + bytes.readUInt32LE(this.keyEnd)
    this.#headersAt = this.valueEnd
    this.#end = bytes.readUInt16LE(this.valueEnd) === 0 ? this.valueEnd + 2 : skipRecord(bytes, start)
    return true
  }

  headers(): readonly Header[] {
    return readHeaders(this.#batch.bytes, this.#headersAt)
  }
}

function skipRecord(bytes: Buffer, at: number): number {
  const keyLength = bytes.readUInt32LE(at)
  at += keyLength === NO_KEY ? 4 : 4 + keyLength
  at += 4 + bytes.readUInt32LE(at)
  const headers = bytes.readUInt16LE(at)
  at += 2
  for (let i = 0; i < headers; i++) {
    at += 2 + bytes.readUInt16LE(at)
    at += 4 + bytes.readUInt32LE(at)
  }
  if (at > bytes.length) throw new RangeError('record runs past the end of its batch')
  return at
}

function readRecord(bytes: Buffer, start: number): LogRecord & { readonly end: number } {
  const end = skipRecord(bytes, start)
  const keyLength = bytes.readUInt32LE(start)
  let at = start + 4
  let key: Uint8Array | null = null
  if (keyLength !== NO_KEY) {
    key = bytes.subarray(at, at + keyLength)
    at += keyLength
  }
  const valueLength = bytes.readUInt32LE(at)
  at += 4
  const value = bytes.subarray(at, at + valueLength)
  at += valueLength
  return { key, value, headers: readHeaders(bytes, at), end }
}

function readHeaders(bytes: Buffer, at: number): readonly Header[] {
  const count = bytes.readUInt16LE(at)
  if (count === 0) return NO_HEADERS
  at += 2
  const headers: Header[] = []
  for (let i = 0; i < count; i++) {
    const nameLength = bytes.readUInt16LE(at)
    const name = bytes.toString('utf8', at + 2, at + 2 + nameLength)
    at += 2 + nameLength
    const valueLength = bytes.readUInt32LE(at)
    headers.push({ name, value: bytes.subarray(at + 4, at + 4 + valueLength) })
    at += 4 + valueLength
  }
  return headers
}

/** Packs records. Reusable: `build` hands the batch over and starts a new one. */
export class RecordBatchBuilder {
  #slab: Buffer
  #at = 0
  #count = 0

  constructor(initialBytes = 64 * 1024) {
    this.#slab = Buffer.allocUnsafe(initialBytes)
  }

  get count(): number {
    return this.#count
  }

  /** Bytes packed so far: what `maxBatchBytes` of a log limits. */
  get sizeBytes(): number {
    return this.#at
  }

  add(key: Uint8Array | null, value: Uint8Array, headers: readonly Header[] = NO_HEADERS): void {
    this.#reserve(keyBytes(key) + 4 + value.length + headersBytesMax(headers))
    this.#writeKey(key)
    this.#at = this.#slab.writeUInt32LE(value.length, this.#at)
    this.#slab.set(value, this.#at)
    this.#at += value.length
    this.#writeHeaders(headers)
    this.#count++
  }

  /** As `add`, for text: encoded as UTF-8 straight into the slab. */
  addText(key: Uint8Array | null, text: string, headers: readonly Header[] = NO_HEADERS): void {
    this.#reserve(keyBytes(key) + 4 + text.length * 3 + headersBytesMax(headers))
    this.#writeKey(key)
    const length = this.#slab.write(text, this.#at + 4, 'utf8')
    this.#at = this.#slab.writeUInt32LE(length, this.#at) + length
    this.#writeHeaders(headers)
    this.#count++
  }

  build(): RecordBatch {
    const batch = new RecordBatch(this.#slab.subarray(0, this.#at), this.#count)
    this.#slab = Buffer.allocUnsafe(Math.max(this.#at, 64 * 1024))
    this.#at = 0
    this.#count = 0
    return batch
  }

  #writeKey(key: Uint8Array | null): void {
    this.#at = this.#slab.writeUInt32LE(key === null ? NO_KEY : key.length, this.#at)
    if (key === null) return
    this.#slab.set(key, this.#at)
    this.#at += key.length
  }

  #writeHeaders(headers: readonly Header[]): void {
    this.#at = this.#slab.writeUInt16LE(headers.length, this.#at)
    for (const { name, value } of headers) {
      const length = this.#slab.write(name, this.#at + 2, 'utf8')
      this.#at = this.#slab.writeUInt16LE(length, this.#at) + length
      this.#at = this.#slab.writeUInt32LE(value.length, this.#at)
      this.#slab.set(value, this.#at)
      this.#at += value.length
    }
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#slab.length * 2, this.#at + bytes))
    this.#slab.copy(larger, 0, 0, this.#at)
    this.#slab = larger
  }
}

function keyBytes(key: Uint8Array | null): number {
  return key === null ? 4 : 4 + key.length
}

/** An upper bound: a UTF-16 code unit is at most three bytes of UTF-8. */
function headersBytesMax(headers: readonly Header[]): number {
  let bytes = 2
  for (const { name, value } of headers) bytes += 6 + name.length * 3 + value.length
  return bytes
}

/** A batch of the given records, for tests and small writes. */
export function recordBatch(
  records: Iterable<{ key?: Uint8Array | null; value: Uint8Array; headers?: readonly Header[] }>,
): RecordBatch {
  const builder = new RecordBatchBuilder()
  for (const record of records) builder.add(record.key ?? null, record.value, record.headers)
  return builder.build()
}
