import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { RunningServer } from './server-process.ts'
import { isSigned, isSignedUrl, type Keys } from './signatures.ts'
import { connectEvent, disconnectEvent, messageEvent } from './socket-events.ts'

export interface RunningConnections extends RunningServer {
  /** Where clients connect, before it is signed. Without a function the first frame that reaches one is its connection id. */
  readonly socketUrl: string
  /** The connections open now. */
  readonly connectionIds: readonly string[]
  has(connectionId: string): boolean
  /** Statuses answered to posts, in order. */
  readonly answered: readonly number[]
}

/** Runs the function of the routes $connect, $default and $disconnect on an event. */
export type SocketRoutes = (event: object) => Promise<unknown>

const STAGE = '/test'
const FRAME_BYTES_MAX = 128 * 1024
export const KEYS: Keys = { accessKeyId: 'weirtest', secretAccessKey: 'weirtestsecret' }

/**
 * API Gateway's WebSocket side on loopback: clients on `ws`, let in by a signed address and served by `routes`, and
 * `@connections` by HTTP, where every request's signature is checked. There is no real one outside AWS; statuses and error
 * bodies are from its documentation. Without `routes` everybody is let in and nobody is served.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
 */
export async function startConnections(routes?: SocketRoutes): Promise<RunningConnections> {
  const http = createServer()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const front = new Front(http, routes)
  const { port } = http.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}${STAGE}`,
    socketUrl: `ws://127.0.0.1:${port}${STAGE}`,
    get connectionIds() {
      return [...front.clients.keys()]
    },
    has: (connectionId) => front.clients.has(connectionId),
    answered: front.answered,
    stop: () => front.stop(),
  }
}

class Front {
  readonly clients = new Map<string, WebSocket>()
  readonly answered: number[] = []
  readonly #http: Server
  readonly #routes: SocketRoutes | undefined
  readonly #sockets = new WebSocketServer({ noServer: true })
  /** A function's environment takes one event at a time. */
  #tail: Promise<unknown> = Promise.resolve()

  constructor(http: Server, routes: SocketRoutes | undefined) {
    this.#http = http
    this.#routes = routes
    http.on('request', (request, response) => void this.#post(request, response))
    http.on('upgrade', async (request, socket, head) => {
      const id = `${randomBytes(9).toString('base64')}=`
      const refused = await this.#connect(id, request)
      if (refused !== undefined) socket.end(`HTTP/1.1 ${refused} Refused\r\n\r\n`)
      else this.#sockets.handleUpgrade(request, socket, head, (client) => this.#opened(id, client))
    })
  }

  async stop(): Promise<void> {
    for (const socket of this.clients.values()) socket.terminate()
    this.#http.closeAllConnections()
    await new Promise((resolve) => this.#http.close(resolve))
    await this.#tail
  }

  /** The status of a refusal; undefined where the client is let in. */
  async #connect(id: string, { url = '', headers }: IncomingMessage): Promise<number | undefined> {
    if (this.#routes === undefined) return undefined
    const address = new URL(url, 'http://localhost')
    if (!isSignedUrl(address, String(headers.host), KEYS)) return 403
    try {
      const answer = await this.#run(connectEvent(id, Object.fromEntries(address.searchParams)))
      const { statusCode = 502 } = (answer ?? {}) as { statusCode?: number }
      return statusCode === 200 ? undefined : statusCode
    } catch {
      return 502
    }
  }

  #opened(id: string, client: WebSocket): void {
    this.clients.set(id, client)
    if (this.#routes === undefined) client.send(id)
    client.on('message', (data) => {
      this.#run(messageEvent(id, String(data))).catch(() => {
        const message = { message: 'Internal server error', connectionId: id, requestId: 'test' }
        client.send(JSON.stringify(message))
      })
    })
    client.on('close', (code) => {
      this.clients.delete(id)
      this.#run(disconnectEvent(id, code)).catch(() => undefined)
    })
  }

  #run(event: object): Promise<unknown> {
    const running = this.#tail.then(() => this.#routes?.(event))
    this.#tail = running.catch(() => undefined)
    return running
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const answer = (status: number, error?: string): void => {
      this.answered.push(status)
      if (error !== undefined) response.setHeader('x-amzn-errortype', error)
      response.writeHead(status).end()
    }
    const { method = '', url: path = '', headers } = request
    if (headers.authorization === undefined) return answer(403, 'MissingAuthenticationTokenException')
    if (!isSigned({ method, path, headers, body }, 'execute-api', KEYS))
      return answer(403, 'InvalidSignatureException')
    const id = new RegExp(`^${STAGE}/@connections/([^/]+)$`).exec(path)?.[1]
    if (method !== 'POST' || id === undefined) return answer(403, 'ForbiddenException')
    const socket = this.clients.get(decodeURIComponent(id))
    if (socket === undefined) return answer(410, 'GoneException')
    if (body.length > FRAME_BYTES_MAX) return answer(413, 'PayloadTooLargeException')
    socket.send(body.toString('utf8'), (error) => (error ? answer(410, 'GoneException') : answer(200)))
  }
}
