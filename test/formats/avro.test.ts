import { Readable } from 'node:stream'
import { crc32, deflateRawSync, zstdCompressSync } from 'node:zlib'
import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordAt } from '../../lib/collect/block.ts'
import { readLines } from '../../lib/collect/lines.ts'
import { avro, printText } from '../../lib/formats/avro.ts'
import { AvroCursor, avroReader } from '../../lib/formats/avro-read.ts'
import {
  type AvroJson,
  avroFingerprint,
  canonicalAvro,
  parseAvroSchema,
} from '../../lib/formats/avro-schema.ts'
import { posts } from '../../streams/posts.ts'

const TWEET = {
  type: 'record',
  name: 'Tweet',
  fields: [
    { name: 'userid', type: 'long' },
    { name: 'username', type: 'string' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'tweetid', type: 'long' },
    { name: 'tweet', type: 'string' },
  ],
} as const

/** The reference writer: avsc, with longs as BigInt. */
const long = avsc.types.LongType.__with({
  fromBuffer: (buf: Buffer) => buf.readBigInt64LE(),
  toBuffer: (n: bigint) => {
    const buf = Buffer.alloc(8)
    buf.writeBigInt64LE(n)
    return buf
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (n: unknown) => typeof n === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
})
/** Without logical types, for which avsc would take its own long. */
const typeOf = (schema: unknown) =>
  avsc.Type.forSchema(
    JSON.parse(JSON.stringify(schema), (_, one) => (one?.logicalType ? one.type : one)) as avsc.Schema,
    { registry: { long } },
  )

function single(schema: AvroJson, value: unknown): Buffer {
  const print = Buffer.alloc(8)
  print.writeBigUInt64LE(avroFingerprint(parseAvroSchema(schema)))
  return Buffer.concat([Buffer.from([0xc3, 1]), print, typeOf(schema).toBuffer(value)])
}

const post = { userid: 9007199254740993n, username: 'u', timestamp: 1503792334000n, tweetid: 7n, tweet: '#a' }
const asRead = {
  userid: '9007199254740993',
  username: 'u',
  timestamp: '1503792334000',
  tweetid: '7',
  tweet: '#a',
}

describe('schemas', () => {
  it.each([
    // share/test/data/schema-tests.txt of the Avro project.
    ['"null"', 7195948357588979594n],
    ['"boolean"', -6970731678124411036n],
    ['"int"', 8247732601305521295n],
    ['"long"', -3434872931120570953n],
    ['{"type":"record","name":"foo","fields":[{"name":"f1","type":"boolean"}]}', 7843277075252814651n],
  ])('%s has the fingerprint of the Avro project', (json, expected) => {
    const print = avroFingerprint(parseAvroSchema(JSON.parse(json) as AvroJson))
    expect(BigInt.asIntN(64, print)).toBe(expected)
  })

  it('have the canonical form, without what says nothing about bytes', () => {
    const json: AvroJson = {
      type: 'record',
      namespace: 'x.y',
      name: 'A',
      doc: 'd',
      fields: [
        { name: 'next', type: ['null', 'A'], default: null },
        { name: 'e', type: { type: 'enum', name: 'z.E', symbols: ['P'] } },
        { name: 'f', type: { type: 'fixed', name: 'F', size: 2 }, order: 'ignore' },
      ],
    }
    expect(canonicalAvro(parseAvroSchema(json))).toBe(
      '{"name":"x.y.A","type":"record","fields":[{"name":"next","type":["null","x.y.A"]},{"name":"e","type":{"name":"z.E","type":"enum","symbols":["P"]}},{"name":"f","type":{"name":"x.y.F","type":"fixed","size":2}}]}',
    )
  })
})

describe('values', () => {
  const ALL = {
    type: 'record',
    name: 'All',
    fields: [
      { name: 'b', type: 'boolean' },
      { name: 'i', type: 'int' },
      { name: 'l', type: 'long' },
      { name: 'd', type: 'double' },
      { name: 's', type: 'string' },
      { name: 'a', type: { type: 'array', items: 'long' } },
      { name: 'm', type: { type: 'map', values: 'int' } },
      { name: 'u', type: ['null', 'string'] },
      { name: 'e', type: { type: 'enum', name: 'E', symbols: ['P', 'Q'] } },
    ],
  }
  const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const values = fc.record({
    b: fc.boolean(),
    i: fc.integer(),
    l: i64,
    d: fc.double({ noNaN: true }),
    s: fc.string({ unit: 'grapheme' }),
    a: fc.array(i64),
    m: fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.integer(),
      { noNullPrototype: true },
    ),
    u: fc.option(fc.string()),
    e: fc.constantFrom('P', 'Q'),
  })
  const number = (n: bigint) => (Number.isSafeInteger(Number(n)) ? Number(n) : String(n))

  it('are read as avsc wrote them, every digit of a long kept', () => {
    const type = typeOf(ALL)
    const read = avroReader(parseAvroSchema(ALL), parseAvroSchema(ALL))
    fc.assert(
      fc.property(values, (value) => {
        const cursor = new AvroCursor(type.toBuffer(value))
        expect(read(cursor)).toEqual({ ...value, l: number(value.l), a: value.a.map(number) })
        expect(cursor.at).toBe(cursor.bytes.length)
      }),
    )
  })

  it('are resolved from a writer of another schema', () => {
    const fields = (...all: unknown[]) => ({ type: 'record', name: 'R', fields: all }) as AvroJson
    const E = (symbols: string[], more = {}) => ({ type: 'enum', name: 'E', symbols, ...more })
    const writer = fields(
      { name: 'gone', type: { type: 'array', items: 'string' } },
      { name: 'old', type: 'int' },
      { name: 'e', type: E(['X', 'P']) },
      { name: 'maybe', type: 'string' },
    )
    const reader = fields(
      { name: 'maybe', type: ['null', 'string'] },
      { name: 'new', aliases: ['old'], type: 'double' },
      { name: 'e', type: E(['P', 'OTHER'], { default: 'OTHER' }) },
      { name: 'added', type: 'string', default: 'd' },
    )
    const bytes = single(writer, { gone: ['x', 'y'], old: 5, e: 'X', maybe: 'm' })
    const parse = avro({ schema: reader, writers: [writer] }).compile([])
    expect(parse(bytes)).toEqual({ maybe: 'm', new: 5, e: 'OTHER', added: 'd' })
    expect(() => avro({ schema: fields({ name: 'z', type: 'int' }), writers: [writer] }).compile([])).toThrow(
      'has no field z, which has no default',
    )
  })

  it('that are cut short, or go on, are no record', () => {
    const whole = single(TWEET, post)
    const parse = avro({ schema: TWEET }).compile([])
    for (let end = 0; end < whole.length; end++) expect(() => parse(whole.subarray(0, end))).toThrow(/Avro: /)
    expect(() => parse(Buffer.concat([whole, Buffer.of(0)]))).toThrow('1 bytes follow the record')
  })
})

describe('records of posts', () => {
  const parsed = (bytes: Buffer) => posts.parse(bytes)

  it('come in single-object encoding; one of an unknown schema is a dead letter that names it', () => {
    expect(parsed(single(TWEET, post))).toEqual({ ok: true, value: asRead })
    const other = { ...TWEET, name: 'Other' }
    const print = printText(avroFingerprint(parseAvroSchema(other)))
    expect(parsed(single(other, post))).toMatchObject({
      stage: 'parse',
      reason: expect.stringContaining(`no schema with the fingerprint ${print}`),
    })
  })

  it("come as Confluent's serialisers write them", () => {
    const bytes = Buffer.concat([Buffer.from([0, 0, 0, 1, 44]), typeOf(TWEET).toBuffer(post)])
    const parse = avro({ schema: TWEET, registry: { 300: TWEET }, asText: ['timestamp', 'tweetid'] }).compile(
      [],
    )
    expect(parse(bytes)).toEqual(asRead)
    expect(parsed(bytes)).toMatchObject({
      reason: expect.stringContaining("no schema with the registry's id 300"),
    })
  })
})

const CODECS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  null: (bytes) => bytes,
  deflate: (bytes) => deflateRawSync(bytes),
  zstandard: (bytes) => zstdCompressSync(bytes),
  snappy: literalSnappy,
}

/** Snappy with literals alone, which is valid Snappy, and the checksum that Avro adds. */
function literalSnappy(bytes: Buffer): Buffer {
  const parts = [varint(bytes.length)]
  for (let at = 0; at < bytes.length; at += 60) {
    const piece = bytes.subarray(at, at + 60)
    parts.push(Buffer.of((piece.length - 1) << 2), piece)
  }
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(bytes))
  return Buffer.concat([...parts, sum])
}

function varint(n: number): Buffer {
  const bytes: number[] = []
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128)
  return Buffer.of(...bytes, n)
}

const zigzag = (n: number) => varint(n * 2)
const lengthAnd = (bytes: Buffer) => Buffer.concat([zigzag(bytes.length), bytes])
const SYNC = Buffer.alloc(16, 0xab)

function container(codec: string, blocks: readonly (readonly unknown[])[]): Buffer {
  const meta = { 'avro.codec': codec, 'avro.schema': JSON.stringify(TWEET) }
  const pairs = Object.entries(meta).flatMap(([key, value]) =>
    [Buffer.from(key), Buffer.from(value)].map(lengthAnd),
  )
  const body = blocks.flatMap((values) => {
    const data = Buffer.concat(values.map((value) => typeOf(TWEET).toBuffer(value)))
    return [zigzag(values.length), lengthAnd((CODECS[codec] as (bytes: Buffer) => Buffer)(data)), SYNC]
  })
  return Buffer.concat([Buffer.from('Obj\u0001', 'latin1'), zigzag(2), ...pairs, zigzag(0), SYNC, ...body])
}

async function records(chunks: readonly Buffer[]): Promise<Buffer[]> {
  const all: Buffer[] = []
  for await (const block of readLines(Readable.from(chunks), { name: 'f.avro' })) {
    if (block.kind === 'large') throw new Error('no record is that long')
    expect(block.position).toBe(all.length)
    for (let i = 0; i < block.count; i++) all.push(recordAt(block, i))
  }
  return all
}

describe('a container file', () => {
  const some = Array.from({ length: 50 }, (_, i) => ({ ...post, tweetid: BigInt(i) }))

  it.each(Object.keys(CODECS))('of codec %s gives every record, however its bytes are cut', async (codec) => {
    const file = container(codec, [some.slice(0, 30), [], some.slice(30)])
    for (const size of [1, 7, 100, file.length]) {
      const chunks = Array.from({ length: Math.ceil(file.length / size) }, (_, i) =>
        file.subarray(i * size, (i + 1) * size),
      )
      const read = await records(chunks)
      expect(read).toEqual(some.map((value) => single(TWEET, value)))
    }
  })

  it('that is damaged or cut short is an error that says where', async () => {
    const file = container('deflate', [some, some])
    await expect(records([file.subarray(0, -20)])).rejects.toThrow(/f\.avro: cannot be read from byte \d+ on/)
    const damaged = Buffer.from(file)
    damaged[file.length - 1] = 0
    await expect(records([damaged])).rejects.toThrow('does not end with the marker of its file')
    await expect(records([container('null', [[]]).subarray(0, 40)])).rejects.toThrow('from byte 0 on')
  })

  it('written by avsc is read', async () => {
    const encoder = new avsc.streams.BlockEncoder(typeOf(TWEET), { codec: 'deflate' })
    const chunks: Buffer[] = []
    encoder.on('data', (chunk: Buffer) => chunks.push(chunk))
    const ended = new Promise((resolve) => encoder.on('end', resolve))
    for (const value of some) encoder.write(value)
    encoder.end()
    await ended
    expect(await records([Buffer.concat(chunks)])).toEqual(some.map((value) => single(TWEET, value)))
  })
})
