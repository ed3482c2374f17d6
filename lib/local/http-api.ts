import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { serveStatic } from './static-files.ts'

/** Answers one request: the body of the answer as JSON, or an HttpError. */
export type Route = (request: { readonly query: URLSearchParams; readonly body: unknown }) => Promise<unknown>

/** A refusal that the client is told: status, code and message. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Answers a request that no route has, by status and body; undefined where it is not for it either. */
export type Fallback = (request: {
  readonly method: string
  /** Not decoded. */
  readonly path: string
  readonly query: URLSearchParams
}) => Promise<{ readonly status: number; readonly body: unknown }> | undefined

const BODY_BYTES_MAX = 64 * 1024

/** A server of JSON routes ("GET /api/status") and of the dashboard's files for every other GET. */
export function httpServer(routes: Readonly<Record<string, Route>>, fallback?: Fallback): Server {
  return createServer((request, response) => {
    answer(routes, fallback, request, response).catch((error: unknown) => refuse(response, error))
  })
}

async function answer(
  routes: Readonly<Record<string, Route>>,
  fallback: Fallback | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  requireSameSite(request)
  const url = new URL(request.url ?? '/', 'http://localhost')
  // Node leaves out the body of an answer to HEAD.
  const asked = request.method === 'HEAD' ? 'GET' : request.method
  const route = routes[`${asked} ${url.pathname}`]
  if (route === undefined) {
    const method = asked ?? 'GET'
    const other = await fallback?.({ method, path: url.pathname, query: url.searchParams })
    if (other !== undefined) return send(response, other.status, other.body)
    if (method === 'GET' && !url.pathname.startsWith('/api/')) return serveStatic(url.pathname, response)
    throw new HttpError(404, 'NOT_FOUND', `no such route: ${request.method} ${url.pathname}`)
  }
  const body = request.method === 'POST' ? await jsonBody(request) : undefined
  const result = await route({ query: url.searchParams, body })
  send(response, request.method === 'POST' ? 202 : 200, result ?? null)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  })
  response.end(JSON.stringify(body))
}

/**
 * The server has no passwords because only this machine reaches it. A page of another site in the user's browser does
 * too, so its requests are refused, and so are names that resolve here from outside (DNS rebinding).
 */
export function requireSameSite(request: IncomingMessage): void {
  const { host = '', origin } = request.headers
  const name = host.replace(/:\d+$/, '')
  if (name !== 'localhost' && name !== '127.0.0.1' && name !== '[::1]')
    throw new HttpError(403, 'FORBIDDEN', 'open the dashboard as http://localhost')
  if (origin !== undefined && origin !== `http://${host}`)
    throw new HttpError(403, 'FORBIDDEN', 'requests of other sites are refused')
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_BYTES_MAX)
      throw new HttpError(413, 'TOO_LARGE', `a request body is at most ${BODY_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw new HttpError(400, 'BAD_JSON', 'the request body is not JSON')
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  const known = error instanceof HttpError
  if (!known) console.error(JSON.stringify({ level: 'error', part: 'http', message: String(error) }))
  const { status, code, message } = known
    ? error
    : { status: 500, code: 'INTERNAL', message: 'something failed; see the terminal' }
  if (response.headersSent) return void response.end()
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify({ error: { code, message } }))
}
