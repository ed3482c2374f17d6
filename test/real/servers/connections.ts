import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import type { RunningServer } from './server-process.ts'

export interface RunningConnections extends RunningServer {
  /** Where clients connect. The first frame that reaches one is its connection id. */
  readonly socketUrl: string
  has(connectionId: string): boolean
}

const STAGE = '/test'
const FRAME_BYTES_MAX = 128 * 1024

/**
 * API Gateway's WebSocket side, as far as a publisher sees it: clients on `ws`, and `@connections` by HTTP. There is no
 * real one outside AWS; statuses and error bodies are from its documentation.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
 */
export async function startConnections(): Promise<RunningConnections> {
  const clients = new Map<string, WebSocket>()
  const http = createServer((request, response) => void post(clients, request, response))
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', (socket) => {
    const id = `${randomBytes(9).toString('base64')}=`
    clients.set(id, socket)
    socket.on('close', () => clients.delete(id))
    socket.send(id)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('no address was given')
  return {
    endpoint: `http://127.0.0.1:${address.port}${STAGE}`,
    socketUrl: `ws://127.0.0.1:${address.port}`,
    has: (connectionId) => clients.has(connectionId),
    async stop() {
      for (const socket of clients.values()) socket.terminate()
      sockets.close()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

async function post(
  clients: ReadonlyMap<string, WebSocket>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const answer = (status: number, error?: string, message = ''): void => {
    if (error !== undefined) response.setHeader('x-amzn-errortype', error)
    response.writeHead(status).end(message === '' ? undefined : JSON.stringify({ message }))
  }
  const id = new RegExp(`^${STAGE}/@connections/([^/]+)$`).exec(request.url ?? '')?.[1]
  const signed = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[^/]+\/execute-api\/aws4_request, /
  if (!signed.test(request.headers.authorization ?? ''))
    return answer(403, 'MissingAuthenticationTokenException')
  if (request.method !== 'POST' || id === undefined) return answer(403, 'ForbiddenException')
  const socket = clients.get(decodeURIComponent(id))
  if (socket === undefined) return answer(410, 'GoneException')
  if (body.length > FRAME_BYTES_MAX) return answer(413, 'PayloadTooLargeException')
  socket.send(body.toString('utf8'), (error) => (error ? answer(410, 'GoneException') : answer(200)))
}
