import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { publisherContract } from '../contracts/publisher.ts'
import { openWsSite } from './ws-client.ts'

publisherContract('WsPublisher', () => openWsSite())

describe('WsPublisher', () => {
  it('tells of connections, messages and their end, in order', async () => {
    const site = await openWsSite()
    const socket = new WebSocket(site.url)
    await once(socket, 'open')
    socket.send('first')
    socket.send('second')
    socket.close()
    await expect.poll(() => site.events).toEqual(['connect', 'first', 'second', 'disconnect'])
    await site.close()
  })

  it('refuses a connection where onConnect rejects', async () => {
    const site = await openWsSite({ onConnect: () => Promise.reject(new Error('no token')) })
    const socket = new WebSocket(site.url)
    const [error] = await once(socket, 'error')
    expect(String(error)).toContain('403')
    expect(site.events).toEqual([])
    await site.close()
  })

  it('lets no connection be reached before onConnect is done', async () => {
    const sent: string[] = []
    const site = await openWsSite({
      onConnect: async (id) => {
        sent.push(await site.publisher.send(id, 'too early'))
      },
    })
    const socket = new WebSocket(site.url)
    await once(socket, 'open')
    expect(sent).toEqual(['gone'])
    await site.close()
  })

  it('tells of the end of a connection that was let in and never opened', async () => {
    const site = await openWsSite()
    await handshake(site.url, []) // without a key it is refused after onConnect
    await expect.poll(() => site.events).toEqual(['connect', 'disconnect'])
    await site.close()
  })

  it('answers 404 on other paths, however they are written', async () => {
    const site = await openWsSite()
    for (const path of ['/other', '//', '/ws/more']) {
      const socket = new WebSocket(site.url.replace('/ws', path))
      const [error] = await once(socket, 'error')
      expect(String(error)).toContain('404')
    }
    await site.close()
  })

  it('closes a connection that sends more than API Gateway takes, or bytes', async () => {
    const site = await openWsSite()
    for (const [data, code] of [
      ['x'.repeat(128 * 1024 + 1), 1009],
      [Buffer.from('x'), 1003],
    ] as const) {
      const socket = new WebSocket(site.url)
      await once(socket, 'open')
      socket.send(data)
      const [closeCode] = await once(socket, 'close')
      expect(closeCode).toBe(code)
    }
    const socket = new WebSocket(site.url)
    await once(socket, 'open')
    socket.send('x'.repeat(128 * 1024))
    await expect.poll(() => site.events.at(-1)?.length).toBe(128 * 1024)
    await site.close()
  })

  it('cuts off a client that does not read', async () => {
    const site = await openWsSite()
    const socket = await handshake(site.url, [
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${'A'.repeat(22)}==`,
    ])
    socket.pause()
    const frame = 'x'.repeat(32 * 1024)
    const framesMax = 4000
    let sent = 0
    while (sent < framesMax && (await site.publisher.send(site.ids[0] ?? '', frame)) === 'sent') {
      sent++
      await nextTurn()
    }
    expect(sent).toBeGreaterThan(100)
    expect(sent).toBeLessThan(framesMax)
    await expect.poll(() => site.events).toEqual(['connect', 'disconnect'])
    socket.destroy()
    await site.close()
  })
})

/** A plain socket that has asked for an upgrade and got an answer. */
async function handshake(url: string, headers: readonly string[]): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url)
  const socket = connect(Number(port), hostname)
  const lines = [
    `GET ${pathname} HTTP/1.1`,
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    ...headers,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  await once(socket, 'data')
  return socket
}
