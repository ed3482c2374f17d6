import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type LogRecord,
  RecordBatch,
  RecordBatchBuilder,
  RecordCursor,
  recordBatch,
} from '../../lib/stream/record-batch.ts'

interface Plain {
  readonly key: Buffer | null
  readonly value: Buffer
  readonly headers: readonly { readonly name: string; readonly value: Buffer }[]
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const name = fc.string({ unit: 'grapheme', maxLength: 10 })
const header = fc.record({ name, value: bytes })
const record: fc.Arbitrary<Plain> = fc.record({
  key: fc.option(bytes),
  value: bytes,
  headers: fc.array(header, { maxLength: 3 }),
})
const records = fc.array(record, { maxLength: 12 })

describe('RecordBatch', () => {
  it('gives records back as they went in, any number of times', () => {
    fc.assert(
      fc.property(records, (given) => {
        const batch = recordBatch(given)
        expect(batch.count).toBe(given.length)
        expect([...batch].map(plain)).toEqual(given)
        expect([...batch].map(plain)).toEqual(given)
      }),
    )
  })

  it('is its bytes and its count: a copy of them is the same batch', () => {
    fc.assert(
      fc.property(records, fc.nat(7), (given, shift) => {
        const { bytes: slab, count } = recordBatch(given)
        const elsewhere = new Uint8Array(slab.length + shift)
        elsewhere.set(slab, shift)
        expect([...new RecordBatch(elsewhere.subarray(shift), count)].map(plain)).toEqual(given)
      }),
    )
  })

  it('slices as an array does', () => {
    fc.assert(
      fc.property(records, fc.nat(14), fc.nat(14), (given, from, to) => {
        const batch = recordBatch(given)
        const slice = batch.slice(from, Math.min(to, given.length))
        expect([...slice].map(plain)).toEqual(given.slice(from, to))
        expect(slice.count).toBe(given.slice(from, to).length)
        expect([...batch.slice(from)].map(plain)).toEqual(given.slice(from))
      }),
    )
  })

  it('slices without copying: the parts together are the whole', () => {
    fc.assert(
      fc.property(records, fc.nat(12), (given, at) => {
        const batch = recordBatch(given)
        const cut = Math.min(at, given.length)
        const parts = [batch.slice(0, cut), batch.slice(cut)]
        expect(Buffer.concat(parts.map((part) => part.bytes)).equals(batch.bytes)).toBe(true)
        for (const part of parts) if (part.count > 0) expect(part.bytes.buffer).toBe(batch.bytes.buffer)
      }),
    )
  })

  it('throws a RangeError for a slab cut anywhere, and never reads beyond it', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 4 }), (given) => {
        const { bytes: slab, count } = recordBatch(given)
        for (let length = 0; length < slab.length; length++) {
          // The rest of the slab is still behind the view, as it is behind a batch that was read from a file.
          const cut = new RecordBatch(slab.subarray(0, length), count)
          expect(() => [...cut]).toThrow(RangeError)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('throws a RangeError, or stays within its slab, for damaged bytes', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(255),
        (given, at, value) => {
          const { bytes: slab, count } = recordBatch(given)
          const damaged = Buffer.from(slab)
          damaged[at % damaged.length] = value
          try {
            for (const { value: read, key } of new RecordBatch(damaged, count))
              expect(read.length + (key?.length ?? 0)).toBeLessThan(damaged.length)
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError)
          }
        },
      ),
    )
  })

  it('throws a RangeError where it claims more records than it holds', () => {
    const { bytes: slab, count } = recordBatch([{ value: Buffer.from('one') }])
    expect(() => [...new RecordBatch(slab, count + 1)]).toThrow(RangeError)
  })
})

describe('RecordBatchBuilder', () => {
  it('grows as it must, and counts what it holds', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: 64 }), (given, initialBytes) => {
        const builder = new RecordBatchBuilder(initialBytes)
        for (const { key, value, headers } of given) builder.add(key, value, headers)
        const { count, sizeBytes } = builder
        const batch = builder.build()
        expect([count, sizeBytes]).toEqual([batch.count, batch.bytes.length])
        expect(batch.bytes.equals(recordBatch(given).bytes)).toBe(true)
      }),
    )
  })

  it('packs text as the bytes of its UTF-8', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.array(header, { maxLength: 2 }),
        (texts, headers) => {
          const builder = new RecordBatchBuilder(1)
          for (const text of texts) builder.addText(null, text, headers)
          const given = texts.map((text) => ({ key: null, value: Buffer.from(text), headers }))
          expect(builder.build().bytes.equals(recordBatch(given).bytes)).toBe(true)
        },
      ),
    )
  })

  it('hands each batch over for good: the next one leaves it alone', () => {
    fc.assert(
      fc.property(records, records, (first, second) => {
        const builder = new RecordBatchBuilder(16)
        const [one, two] = [first, second].map((given) => {
          for (const { key, value, headers } of given) builder.add(key, value, headers)
          return builder.build()
        })
        expect([...(one ?? [])].map(plain)).toEqual(first)
        expect([...(two ?? [])].map(plain)).toEqual(second)
        expect([builder.count, builder.sizeBytes]).toEqual([0, 0])
      }),
    )
  })

  it('says where records lie without making them, and of a cut batch that it is one', () => {
    fc.assert(
      fc.property(records, (given) => {
        const batch = recordBatch(given)
        const cursor = new RecordCursor(batch)
        const found: Plain[] = []
        while (cursor.next()) {
          const { keyStart, keyEnd, valueStart, valueEnd } = cursor
          const key = keyStart < 0 ? null : batch.bytes.subarray(keyStart, keyEnd)
          const value = batch.bytes.subarray(valueStart, valueEnd)
          found.push(plain({ key, value, headers: cursor.headers() }))
        }
        expect(found).toEqual([...batch].map(plain))
      }),
    )
    const whole = recordBatch([{ value: Buffer.from('abc') }, { value: Buffer.from('defg') }])
    for (let cut = 1; cut <= 14; cut++) {
      const cursor = new RecordCursor(new RecordBatch(whole.bytes.subarray(0, -cut), 2))
      expect(() => {
        while (cursor.next());
      }).toThrow(RangeError)
    }
  })

  it('keeps the layout that logs on disk have', () => {
    const batch = recordBatch([
      { key: Buffer.from('k'), value: Buffer.from('v'), headers: [{ name: 'n', value: Buffer.from('h') }] },
      { value: Buffer.alloc(0) },
    ])
    const first = ['01000000', '6b', '01000000', '76', '0100', '0100', '6e', '01000000', '68']
    const second = ['ffffffff', '00000000', '0000']
    expect(batch.bytes.toString('hex')).toBe([...first, ...second].join(''))
  })
})

function plain({ key, value, headers }: LogRecord): Plain {
  return {
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from(value),
    headers: headers.map((one) => ({ name: one.name, value: Buffer.from(one.value) })),
  }
}
