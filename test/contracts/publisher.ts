import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Publisher } from '../../lib/ports/publisher.ts'

export interface OpenPublisher {
  readonly publisher: Publisher
  /** Opens a WebSocket client and resolves once the publisher can reach it. */
  readonly connect: () => Promise<TestConnection>
  readonly close: () => Promise<void>
}

export interface TestConnection {
  readonly connectionId: string
  /** The next text frame the client received and no one has taken yet. */
  readonly next: () => Promise<string>
  /** Closes from the client's side; resolves once the publisher's side knows. */
  readonly disconnect: () => Promise<void>
}

/** Registers the contract of `Publisher` for one implementation. */
export function publisherContract(name: string, open: () => Promise<OpenPublisher>): void {
  describe(`Publisher contract: ${name}`, () => {
    let opened: OpenPublisher
    let publisher: Publisher
    beforeAll(async () => {
      opened = await open()
      publisher = opened.publisher
    })
    afterAll(() => opened?.close())

    it('sends frames in order, each as it is', async () => {
      const client = await opened.connect()
      const frames = ['{"a":1}', 'ünï ☃ 🚀', '', ...Array.from({ length: 50 }, (_, i) => `frame ${i}`)]
      for (const frame of frames) expect(await publisher.send(client.connectionId, frame)).toBe('sent')
      for (const frame of frames) expect(await client.next()).toBe(frame)
      await client.disconnect()
    })

    it('keeps connections apart', async () => {
      const [one, two] = [await opened.connect(), await opened.connect()]
      expect(one.connectionId).not.toBe(two.connectionId)
      await publisher.send(two.connectionId, 'for two')
      await publisher.send(one.connectionId, 'for one')
      expect(await one.next()).toBe('for one')
      expect(await two.next()).toBe('for two')
      await Promise.all([one.disconnect(), two.disconnect()])
    })

    it('says that a connection is gone once it is closed, or never was', async () => {
      const client = await opened.connect()
      const other = await opened.connect()
      await client.disconnect()
      expect(await publisher.send(client.connectionId, 'late')).toBe('gone')
      expect(await publisher.send('L0SM9cOFvHcCIhw=', 'to nobody')).toBe('gone')
      expect(await publisher.send(other.connectionId, 'still there')).toBe('sent')
      expect(await other.next()).toBe('still there')
      await other.disconnect()
    })

    it('takes a frame of exactly maxFrameBytes of UTF-8, and rejects a larger one for good', async () => {
      const client = await opened.connect()
      const fitting = `${'é'.repeat(publisher.maxFrameBytes / 2 - 1)}ab`
      expect(await publisher.send(client.connectionId, fitting)).toBe('sent')
      expect(await client.next()).toBe(fitting)
      await expect(publisher.send(client.connectionId, `${fitting}c`)).rejects.toMatchObject({
        name: 'PortError',
        code: 'FRAME_TOO_LARGE',
        curable: false,
      })
      expect(await publisher.send(client.connectionId, 'next')).toBe('sent')
      expect(await client.next()).toBe('next')
      await client.disconnect()
    })

    it('may be closed twice', async () => {
      const other = await open()
      await other.publisher.close()
      await other.publisher.close()
      await other.close()
    })
  })
}
