import { PortError } from '../ports/errors.ts'
import type { Publisher } from '../ports/publisher.ts'
import { errorFrame } from './error-frame.ts'
import type { SocketFunction } from './socket-function.ts'
import type { StatusPush } from './status-push.ts'
import { messageOf } from './trouble.ts'
import { HandlerError } from './worker-process.ts'

export interface DevSocketsOptions {
  readonly publisher: Pick<Publisher, 'send'>
  readonly socketFunction: SocketFunction
  readonly status: StatusPush
  readonly onTrouble: (message: string) => void
}

/** What API Gateway does with the connections of a WebSocket, and this server's own channel `status`. */
export class DevSockets {
  readonly #options: DevSocketsOptions
  readonly #connections = new Set<string>()

  constructor(options: DevSocketsOptions) {
    this.#options = options
  }

  /** Connections open now. */
  get count(): number {
    return this.#connections.size
  }

  /** Rejects where the connection is refused. */
  async connected(connectionId: string): Promise<void> {
    await this.#options.socketFunction.handle(connectionId, '$connect')
    this.#connections.add(connectionId)
  }

  /** Never rejects: what fails is told to the client and, once, to the terminal. */
  async message(connectionId: string, text: string): Promise<void> {
    const { status, socketFunction } = this.#options
    const { action, channel } = wantedOf(text)
    if (channel === 'status' && action === 'subscribe') return status.subscribe(connectionId)
    if (channel === 'status' && action === 'unsubscribe') return status.unsubscribe(connectionId)
    try {
      await socketFunction.handle(connectionId, '$default', text)
    } catch (error) {
      await this.#failed(connectionId, error)
    }
  }

  /** Never rejects. */
  async disconnected(connectionId: string): Promise<void> {
    const { status, socketFunction, onTrouble } = this.#options
    status.unsubscribe(connectionId)
    this.#connections.delete(connectionId)
    await socketFunction.handle(connectionId, '$disconnect').catch((error) => onTrouble(messageOf(error)))
  }

  async #failed(connectionId: string, error: unknown): Promise<void> {
    const busy = error instanceof PortError && error.code === 'THROTTLED'
    // Its number of waiting messages is another one each time, and it is the client's news.
    if (!busy) this.#options.onTrouble(messageOf(error))
    // A function that throws has told the client before.
    if (error instanceof HandlerError) return
    const frame = busy
      ? errorFrame('TOO_MANY', error.message)
      : errorFrame('INTERNAL', 'Weir failed here: try again')
    await this.#options.publisher.send(connectionId, frame).catch(() => undefined)
  }
}

/** Undefined where the message does not say, which the socket function will complain of. */
function wantedOf(text: string): { readonly action: unknown; readonly channel: unknown } {
  try {
    const { action, channel } = JSON.parse(text) as { action?: unknown; channel?: unknown }
    return { action, channel }
  } catch {
    return { action: undefined, channel: undefined }
  }
}
