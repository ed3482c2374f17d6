import type { WorkerProcess } from './worker-process.ts'

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

/**
 * The socket function in a worker process, fed with the events API Gateway would send. Events are handled one after the
 * other, so that a connection's messages keep their order; one that dies is tried once more.
 */
export class SocketFunction {
  readonly #worker: WorkerProcess
  #tail: Promise<unknown> = Promise.resolve()

  constructor(worker: WorkerProcess) {
    this.#worker = worker
  }

  handle(connectionId: string, routeKey: keyof typeof KINDS, body?: string): Promise<unknown> {
    const event: SocketEvent = {
      requestContext: { connectionId, routeKey, eventType: KINDS[routeKey] },
      ...(body === undefined ? {} : { body }),
    }
    const bytes = [Buffer.from(JSON.stringify(event))]
    const done = this.#tail.then(() => this.#worker.invoke(bytes).catch(() => this.#worker.invoke(bytes)))
    this.#tail = done.catch(() => undefined)
    return done
  }
}
