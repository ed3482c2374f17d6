import type { IncomingMessage, Server } from 'node:http'
import { PortError } from '../ports/errors.ts'
import type { Publisher } from '../ports/publisher.ts'

export interface WsPublisherOptions {
  readonly path?: string
  /** Before the connection opens, as API Gateway's $connect. Rejecting refuses it with 403. */
  readonly onConnect?: (connectionId: string, request: IncomingMessage) => void | Promise<void>
  readonly onMessage?: (connectionId: string, text: string) => void
  readonly onDisconnect?: (connectionId: string) => void
}

/** WebSocket connections of an HTTP server, with the limits of an API Gateway WebSocket API. */
export class WsPublisher implements Publisher {
  readonly maxFrameBytes = 32 * 1024

  static attach(_server: Server, _options: WsPublisherOptions = {}): WsPublisher {
    return new WsPublisher()
  }

  send(_connectionId: string, _frame: string): Promise<'sent' | 'gone'> {
    return Promise.reject(new PortError('UNAVAILABLE', 'not built yet', { curable: false }))
  }
  async close(): Promise<void> {}
}
