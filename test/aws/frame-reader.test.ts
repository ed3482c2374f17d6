import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FrameReader } from '../../lib/aws/kafka/frame-reader.ts'

const frames = fc.array(fc.uint8Array({ minLength: 4, maxLength: 60 }), { maxLength: 8 })

it('gives the same answers however the stream is cut', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (list, cuts) => {
      const stream = Buffer.concat(list.flatMap((frame) => [lengthOf(frame.length), Buffer.from(frame)]))
      const reader = new FrameReader()
      const seen: Buffer[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % cuts.length] ?? 1
        seen.push(...reader.push(stream.subarray(at, at + size)))
        at += size
      }
      expect(seen.map((frame) => [...frame])).toEqual(list.map((frame) => [...frame]))
    }),
  )
})

it.each([-1, 0, 3, 2 ** 31 - 1])('refuses an answer of %d bytes', (length) => {
  expect(() => [...new FrameReader().push(lengthOf(length))]).toThrow(RangeError)
})

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  return bytes
}
