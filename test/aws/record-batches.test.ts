import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Compression } from '../../lib/aws/kafka/compression.ts'
import { crc32c } from '../../lib/aws/kafka/crc32c.ts'
import { decodeBatch, type RawBatch, splitBatches } from '../../lib/aws/kafka/decode-batch.ts'
import { encodeBatch } from '../../lib/aws/kafka/encode-batch.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { asStored, type PlainRecord, writeBatch } from './kafka-bytes.ts'

describe('CRC-32C', () => {
  // RFC 3720, appendix B.4.
  it.each([
    ['32 bytes of zeroes', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 bytes ascending', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['32 bytes descending', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
    ['the check value', Buffer.from('123456789'), 0xe3069283],
    ['nothing', Buffer.alloc(0), 0],
  ])('of %s', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
    const within = Buffer.concat([Buffer.from('abc'), bytes, Buffer.from('xyz')])
    expect(crc32c(within, 3, 3 + bytes.length)).toBe(expected)
  })
})

const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array))
const record = fc.record({
  key: fc.option(bytes(80)),
  value: fc.oneof(
    bytes(300),
    fc.nat(40_000).map((size) => Buffer.alloc(size, 'v')),
  ),
  headers: fc.array(fc.record({ name: fc.string({ maxLength: 70 }), value: bytes(90) }), { maxLength: 3 }),
})
const compression = fc.constantFrom<Compression>('none', 'gzip', 'zstd')

describe("Kafka's record batches", () => {
  it('bring back what was put in, under every compression', async () => {
    const records = fc.array(record, { minLength: 1, maxLength: 150 })
    await fc.assert(
      fc.asyncProperty(records, compression, fc.nat(2 ** 40), async (list, codec, baseOffset) => {
        const batch = recordBatch(list)
        const encoded = await encodeBatch(batch, codec, 1_700_000_000_000)
        const [raw, ...others] = splitBatches(asStored(encoded, baseOffset, 1_800_000_000_000))
        expect(others).toEqual([])
        const [stored, ...rest] = await decodeBatch(raw as RawBatch, 't')
        expect(rest).toEqual([])
        expect(stored).toMatchObject({ baseOffset, appendTimeMs: 1_800_000_000_000 })
        expect(raw?.nextOffset).toBe(baseOffset + list.length)
        expect(stored?.records.count).toBe(list.length)
        expect(Buffer.compare(stored?.records.bytes ?? Buffer.alloc(0), batch.bytes)).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('are written as a plain writer of the format writes them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 30 }), async (list) => {
        const encoded = await encodeBatch(recordBatch(list), 'none', 1_700_000_000_000)
        const plain = writeBatch(
          list.map((r, i) => ({ ...r, offsetDelta: i })),
          1_700_000_000_000,
        )
        expect(Buffer.compare(encoded, plain)).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('are cut where offsets are missing', async () => {
    const deltas = [0, 1, 4, 5, 6, 9]
    const list = deltas.map((offsetDelta) => plainRecord(`${offsetDelta}`, offsetDelta))
    const pieces = await decode(asStored(writeBatch(list, 0), 100, 5))
    expect(pieces.map(({ baseOffset }) => baseOffset)).toEqual([100, 104, 109])
    const values = pieces.map(({ records }) => [...records].map(({ value }) => Buffer.from(value).toString()))
    expect(values).toEqual([['0', '1'], ['4', '5', '6'], ['9']])
  })

  it('may begin with missing offsets, and may have no record left', async () => {
    const [piece] = await decode(asStored(writeBatch([plainRecord('x', 7)], 0), 10, 5))
    expect(piece?.baseOffset).toBe(17)
    expect(await decode(asStored(writeBatch([], 0), 10, 5))).toEqual([])
  })

  it('that a fetch cut off are left out', async () => {
    const whole = asStored(await encodeBatch(recordBatch([{ value: Buffer.from('a') }]), 'none', 0), 0, 1)
    const two = Buffer.concat([whole, asStored(whole, 1, 1)])
    for (const left of [1, 30, whole.length - 1])
      expect([...splitBatches(two.subarray(0, whole.length + left))]).toHaveLength(1)
    expect([...splitBatches(two)]).toHaveLength(2)
  })

  it('with a damaged byte are refused, whichever it is', async () => {
    const stored = asStored(await encodeBatch(recordBatch([{ value: Buffer.from('abc') }]), 'none', 0), 0, 1)
    for (let at = 17; at < stored.length; at++) {
      const damaged = Buffer.from(stored)
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
      await expect(decode(damaged), `byte ${at}`).rejects.toMatchObject({ code: 'CORRUPT', curable: false })
    }
  })

  it("with the producer's time are refused", async () => {
    const created = await encodeBatch(recordBatch([{ value: Buffer.from('abc') }]), 'none', 0)
    await expect(decode(created)).rejects.toMatchObject({ code: 'MISCONFIGURED' })
  })

  it('carry the mark of a fenced producer', async () => {
    const mark = { producerId: 77n, epoch: 3, sequence: 12 }
    const encoded = await encodeBatch(recordBatch([{ value: Buffer.from('abc') }]), 'none', 0, mark)
    expect(encoded.readBigInt64BE(43)).toBe(77n)
    expect([encoded.readInt16BE(51), encoded.readInt32BE(53)]).toEqual([3, 12])
  })
})

function plainRecord(value: string, offsetDelta: number): PlainRecord {
  return { key: null, value: Buffer.from(value), headers: [], offsetDelta }
}

async function decode(answer: Buffer) {
  const pieces = []
  for (const raw of splitBatches(answer)) pieces.push(...(await decodeBatch(raw, 't')))
  return pieces
}
