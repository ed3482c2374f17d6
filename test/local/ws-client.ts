import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { WebSocket } from 'ws'
import { WsPublisher, type WsPublisherOptions } from '../../lib/local/ws-publisher.ts'
import type { OpenPublisher, TestConnection } from '../contracts/publisher.ts'

/** An HTTP server on a free port with a `WsPublisher`, and clients for it. */
export interface WsSite extends OpenPublisher {
  readonly publisher: WsPublisher
  readonly http: Server
  readonly url: string
  readonly events: string[]
  /** Connection ids in the order of `connect`. */
  readonly ids: string[]
}

/** `events` gets `connect`, `disconnect` and the texts received, in order. */
export async function openWsSite(options: WsPublisherOptions = {}): Promise<WsSite> {
  const http = createServer((_, response) => response.end('plain'))
  const events: string[] = []
  const ids: string[] = []
  const gone = new Map<string, () => void>()
  const publisher = WsPublisher.attach(http, {
    onConnect: (id) => {
      events.push('connect')
      ids.push(id)
    },
    onMessage: (_, text) => void events.push(text),
    onDisconnect: (id) => {
      events.push('disconnect')
      gone.get(id)?.()
    },
    ...options,
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  const url = `ws://127.0.0.1:${address.port}/ws`
  const connect = async (): Promise<TestConnection> => {
    const socket = new WebSocket(url)
    const next = frames(socket)
    await once(socket, 'open')
    const connectionId = ids.at(-1) ?? ''
    const disconnect = async (): Promise<void> => {
      const seen = new Promise<void>((resolve) => gone.set(connectionId, resolve))
      socket.close()
      await seen
    }
    return { connectionId, next, disconnect }
  }
  const close = async (): Promise<void> => {
    await publisher.close()
    http.close()
    http.closeAllConnections()
  }
  return { publisher, http, url, events, ids, connect, close }
}

/** The frames a socket receives, one a call. */
function frames(socket: WebSocket): () => Promise<string> {
  const waiting: ((frame: string) => void)[] = []
  const arrived: string[] = []
  socket.on('message', (data) => {
    const take = waiting.shift()
    if (take === undefined) arrived.push(data.toString())
    else take(data.toString())
  })
  return async () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve))
}
