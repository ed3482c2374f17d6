import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { PortError } from '../ports/errors.ts'
import type { Publisher } from '../ports/publisher.ts'

export interface WsPublisherOptions {
  /** Default `/ws`. */
  readonly path?: string
  /** Before the connection opens, as API Gateway's $connect. Throwing or rejecting refuses it with 403. */
  readonly onConnect?: (connectionId: string, request: IncomingMessage) => void | Promise<void>
  readonly onMessage?: (connectionId: string, text: string) => void
  /** Once for every connection that `onConnect` let in, also where it never came to open. */
  readonly onDisconnect?: (connectionId: string) => void
}

// API Gateway's limits for WebSocket APIs, so that what works here works there.
const FRAME_BYTES_MAX = 32 * 1024
const MESSAGE_BYTES_MAX = 128 * 1024
/** A client this far behind is cut off: it comes back with its cursor and misses nothing. */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024

const UNSUPPORTED_DATA = 1003
const GOING_AWAY = 1001

/** WebSocket connections of an HTTP server, each under a random id, with the limits of API Gateway. */
export class WsPublisher implements Publisher {
  readonly maxFrameBytes = FRAME_BYTES_MAX
  readonly #server: Server
  readonly #options: WsPublisherOptions
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX })
  readonly #connections = new Map<string, WebSocket>()
  readonly #onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void

  private constructor(server: Server, options: WsPublisherOptions) {
    this.#server = server
    this.#options = options
    this.#onUpgrade = (request, socket, head) => void this.#upgrade(request, socket, head)
    server.on('upgrade', this.#onUpgrade)
  }

  static attach(server: Server, options: WsPublisherOptions = {}): WsPublisher {
    return new WsPublisher(server, options)
  }

  async send(connectionId: string, frame: string): Promise<'sent' | 'gone'> {
    const bytes = Buffer.byteLength(frame)
    if (bytes > FRAME_BYTES_MAX)
      throw new PortError('FRAME_TOO_LARGE', `a frame of ${bytes} bytes, at most ${FRAME_BYTES_MAX}`, {
        curable: false,
      })
    const connection = this.#connections.get(connectionId)
    if (connection === undefined || connection.readyState !== connection.OPEN) return 'gone'
    if (connection.bufferedAmount > BUFFERED_BYTES_MAX) {
      connection.terminate()
      return 'gone'
    }
    connection.send(frame)
    return 'sent'
  }

  /** Ends every connection; the HTTP server stays. */
  async close(): Promise<void> {
    this.#server.off('upgrade', this.#onUpgrade)
    for (const connection of this.#connections.values()) {
      connection.close(GOING_AWAY)
      connection.terminate()
    }
    await new Promise<void>((resolve) => this.#sockets.close(() => resolve()))
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (request.url?.split('?')[0] !== (this.#options.path ?? '/ws')) {
      // Another listener may know the path; where there is none, nobody else ends the socket.
      if (this.#server.listenerCount('upgrade') === 1) refuse(socket, '404 Not Found')
      return
    }
    const connectionId = randomBytes(12).toString('base64url')
    socket.on('error', ignore)
    try {
      await this.#options.onConnect?.(connectionId, request)
    } catch {
      return refuse(socket, '403 Forbidden')
    }
    const abandoned = (): void => this.#options.onDisconnect?.(connectionId)
    if (socket.destroyed) return abandoned()
    socket.once('close', abandoned)
    this.#sockets.handleUpgrade(request, socket, head, (connection) => {
      socket.off('close', abandoned)
      this.#opened(connectionId, connection)
    })
  }

  #opened(connectionId: string, connection: WebSocket): void {
    this.#connections.set(connectionId, connection)
    connection.on('message', (data, isBinary) => {
      if (isBinary) connection.close(UNSUPPORTED_DATA, 'text only')
      else this.#options.onMessage?.(connectionId, data.toString())
    })
    connection.on('error', ignore) // 'close' follows
    connection.once('close', () => {
      this.#connections.delete(connectionId)
      this.#options.onDisconnect?.(connectionId)
    })
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function ignore(): void {}
