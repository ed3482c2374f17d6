import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, sendMessage } from '../../lib/local/worker-frames.ts'

const SEED = 4711

describe('messages to a worker', () => {
  it('arrive whole and in order, however their bytes are cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 17 }))
    fc.assert(
      fc.property(messages, cuts, (sent, sizes) => {
        const channel = new PassThrough()
        for (const bytes of sent)
          sendMessage(channel, [Buffer.from(bytes.subarray(0, 3)), Buffer.from(bytes.subarray(3))])
        const all = (channel.read() as Buffer | null) ?? Buffer.alloc(0)
        const got: Buffer[] = []
        const reader = new FrameReader((bytes) => got.push(Buffer.from(bytes)))
        for (let at = 0; at < all.length; ) {
          const size: number = sizes.next().value ?? 1
          reader.push(all.subarray(at, at + size))
          at += size
        }
        expect(got).toEqual(sent.map((bytes) => Buffer.from(bytes)))
      }),
      { seed: SEED },
    )
  })
})
