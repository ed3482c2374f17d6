import { PortError } from '../ports/errors.ts'
import type { Environment } from './mapping.ts'

/** What API Gateway sends for a WebSocket connection, as much of it as the socket function reads. */
export interface SocketEvent {
  readonly requestContext: {
    readonly connectionId: string
    readonly routeKey: '$connect' | '$default' | '$disconnect'
    readonly eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT'
  }
  readonly body?: string
}

const KINDS = { $connect: 'CONNECT', $default: 'MESSAGE', $disconnect: 'DISCONNECT' } as const

/** Events that wait for the function at most, all connections together. */
const PENDING_MAX = 1000

/**
 * The socket function in a worker process, fed with the events API Gateway would send. Events are handled one after the
 * other, so that a connection's messages keep their order; one that dies is tried once more.
 */
export class SocketFunction {
  readonly #worker: Environment
  #tail: Promise<unknown> = Promise.resolve()
  #pending = 0

  constructor(worker: Environment) {
    this.#worker = worker
  }

  /**
   * Rejects as the function does, and with THROTTLED, at once, where too many events wait already. A disconnect always
   * waits its turn: there is one for each connection, and without it the connection's subscriptions would stay.
   */
  handle(connectionId: string, routeKey: keyof typeof KINDS, body?: string): Promise<unknown> {
    if (this.#pending >= PENDING_MAX && routeKey !== '$disconnect')
      return Promise.reject(
        new PortError('THROTTLED', `${this.#pending} messages wait: send fewer`, { curable: true }),
      )
    const event: SocketEvent = {
      requestContext: { connectionId, routeKey, eventType: KINDS[routeKey] },
      ...(body === undefined ? {} : { body }),
    }
    const bytes = [Buffer.from(JSON.stringify(event))]
    this.#pending++
    const done = this.#tail.then(() => this.#worker.invoke(bytes).catch(() => this.#worker.invoke(bytes)))
    this.#tail = done.then(
      () => this.#pending--,
      () => this.#pending--,
    )
    return done
  }
}
