import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws'
import type { ClientMessage } from '../../lib/serve/dashboard-messages.ts'
import { backoffMs } from '../../web/src/client/backoff.ts'
import { type ConnectionState, WeirClient } from '../../web/src/client/weir-client.ts'

/** `vi.waitFor` gives up after a second, which a busy machine may take. */
const soon = (check: () => void, { interval = 20 }: { interval?: number } = {}) =>
  vi.waitFor(check, { timeout: 30_000, interval })

/** A bare WebSocket server that writes down what it is asked. */
class Peer {
  readonly asked: ClientMessage[] = []
  readonly sockets: ServerSocket[] = []
  readonly #http: Server = createServer()

  async start(): Promise<string> {
    const server = new WebSocketServer({ server: this.#http })
    server.on('connection', (socket) => {
      this.sockets.push(socket)
      socket.on('message', (data) => this.asked.push(JSON.parse(String(data)) as ClientMessage))
    })
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve))
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  frame(from: string, cursor: string, alerts: readonly unknown[] = [{}]): void {
    this.push({ channel: 'incidents/network', from, cursor, alerts })
  }

  push(message: unknown): void {
    this.sockets.at(-1)?.send(JSON.stringify(message))
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.terminate()
    return new Promise((resolve) => this.#http.close(() => resolve()))
  }
}

describe('WeirClient', () => {
  let peer: Peer
  let url: string
  let client: WeirClient | undefined

  beforeEach(async () => {
    peer = new Peer()
    url = await peer.start()
  })
  afterEach(async () => {
    client?.close()
    await peer.close()
  })

  function follow(options: Partial<ConstructorParameters<typeof WeirClient>[0]> = {}, since?: string) {
    const states: ConnectionState[] = []
    const cursors: string[] = []
    client = new WeirClient({
      url,
      firstDelayMs: 10,
      random: () => 0,
      onState: (state) => states.push(state),
      ...options,
    })
    client.subscribe('incidents/network', since === undefined ? {} : { since }, ({ cursor }) =>
      cursors.push(cursor),
    )
    return { states, cursors, client }
  }
  const asked = (count: number) => soon(() => expect(peer.asked.length).toBe(count))

  it('subscribes with the cursor it is given, and again with the last it saw after a cut', async () => {
    const { cursors, states } = follow({}, '5')
    await asked(1)
    expect(peer.asked[0]).toEqual({ action: 'subscribe', channel: 'incidents/network', since: '5' })
    peer.frame('5', '5', [])
    peer.frame('5', '8')
    await soon(() => expect(cursors).toEqual(['5', '8']))
    peer.sockets.at(-1)?.terminate()
    await asked(2)
    expect(peer.asked[1]).toMatchObject({ since: '8' })
    expect(states.map(({ kind }) => kind)).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open'])
  })

  it('takes a frame that follows, drops one it has had, and asks again for what is missing', async () => {
    const { cursors } = follow()
    await asked(1)
    expect(peer.asked[0]).not.toHaveProperty('since')
    peer.frame('3', '3', [])
    peer.frame('3', '4')
    peer.frame('3', '4')
    peer.frame('6', '7')
    await asked(2)
    expect(peer.asked[1]).toMatchObject({ action: 'subscribe', since: '4' })
    peer.frame('7', '8')
    peer.frame('4', '8')
    peer.frame('8', '9')
    await soon(() => expect(cursors).toEqual(['3', '4', '8', '9']))
    expect(peer.asked.length).toBe(2)
  })

  it('takes up where Weir says after a reconnect, also where the cursor was too old', async () => {
    const { cursors } = follow({}, '1')
    await asked(1)
    peer.frame('40', '40', [])
    peer.frame('40', '41')
    await soon(() => expect(cursors).toEqual(['40', '41']))
  })

  it('takes slides that follow, drops older ones, asks for those between, and goes back where Weir does', async () => {
    const ends: string[] = []
    client = new WeirClient({ url, firstDelayMs: 10, random: () => 0 })
    client.subscribe('trends/posts', {}, ({ cursor }) => ends.push(cursor))
    const slides = (from: string, cursor: string) =>
      peer.push({ channel: 'trends/posts', from, cursor, slides: [] })
    await asked(1)
    slides('0', '90')
    slides('0', '80')
    slides('90', '100')
    slides('90', '100')
    slides('110', '120')
    await asked(2)
    expect(peer.asked[1]).toEqual({ action: 'subscribe', channel: 'trends/posts', since: '100' })
    slides('100', '120')
    slides('120', '60')
    await soon(() => expect(ends).toEqual(['90', '100', '120', '60']))
    expect(peer.asked.length).toBe(2)
  })

  it('reports what Weir refuses, ignores what it cannot read, and goes on', async () => {
    const refused = vi.fn()
    const { cursors } = follow({ onRefused: refused })
    await asked(1)
    peer.push({ error: { code: 'UNKNOWN_CHANNEL', message: 'no such stream' } })
    peer.sockets.at(-1)?.send('not JSON')
    peer.sockets.at(-1)?.send(new Uint8Array([1, 2]))
    peer.push({ channel: 'alerts/elsewhere', from: '1', cursor: '2', alerts: [] })
    peer.frame('1', '2')
    await soon(() => expect(cursors).toEqual(['2']))
    expect(refused).toHaveBeenCalledExactlyOnceWith({ code: 'UNKNOWN_CHANNEL', message: 'no such stream' })
  })

  it('pings a silent connection and leaves a dead one', async () => {
    const { states } = follow({ silenceMs: 60 })
    await soon(() => expect(peer.asked).toContainEqual({ action: 'ping' }))
    await soon(() => expect(states.some(({ kind }) => kind === 'waiting')).toBe(true))
    await soon(() => expect(peer.sockets.length).toBeGreaterThanOrEqual(2))
  })

  it('does not hurry towards a server that accepts and hangs up', async () => {
    const { states } = follow({ firstDelayMs: 4 })
    await soon(
      () => {
        peer.sockets.at(-1)?.terminate()
        expect(states.filter(({ kind }) => kind === 'waiting').length).toBeGreaterThanOrEqual(5)
      },
      { interval: 1 },
    )
    const delays = states.flatMap((state) => (state.kind === 'waiting' ? [state.delayMs] : []))
    expect(delays.slice(0, 5)).toEqual([2, 4, 8, 16, 32])
  })

  it('has one listener for a channel, and none after it was ended', async () => {
    const { cursors, client } = follow()
    await asked(1)
    expect(() => client.subscribe('incidents/network', {}, () => {})).toThrow(/already subscribed/)
    const statuses: string[] = []
    const stop = client.subscribe('status', {}, ({ cursor }) => statuses.push(cursor))
    await asked(2)
    peer.push({ channel: 'status', cursor: '1', status: {} })
    await soon(() => expect(statuses).toEqual(['1']))
    stop()
    await asked(3)
    expect(peer.asked[2]).toEqual({ action: 'unsubscribe', channel: 'status' })
    peer.push({ channel: 'status', cursor: '2', status: {} })
    peer.frame('1', '2')
    await soon(() => expect(cursors).toEqual(['2']))
    expect(statuses).toEqual(['1'])
  })

  it('is silent once closed', async () => {
    const { states, client } = follow()
    await asked(1)
    client.close()
    client.retryNow()
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(states.at(-1)).toEqual({ kind: 'closed' })
    expect(peer.sockets.length).toBe(1)
  })
})

describe('backoffMs', () => {
  it('doubles up to its bound and spreads clients over its upper half', () => {
    expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 1))).toEqual([500, 1_000, 2_000, 4_000])
    expect(backoffMs(0, 0)).toBe(250)
    expect(backoffMs(1_000, 1)).toBe(15_000)
  })
})
