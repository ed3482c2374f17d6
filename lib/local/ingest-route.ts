import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { HttpAnswer, HttpEvent } from '../collect/ingest/handler.ts'
import { BODY_BYTES_MAX } from '../collect/ingest/records-body.ts'
import { HttpError, requireSameSite } from './http-api.ts'

export type IngestHandler = (
  event: HttpEvent,
  context: { getRemainingTimeInMillis(): number },
) => Promise<HttpAnswer>

/** What API Gateway gives a request that it waits for. */
const TIMEOUT_MS = 29_000

const PATH = /^\/streams\/([^/]+)\/records$/

/** Has `server` answer `/streams/{stream}/records`; every other request goes where it went. */
export function serveIngestOn(server: Server, handler: () => IngestHandler): void {
  const others = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (!PATH.test(url.pathname)) for (const other of others) other.call(server, request, response)
    else serveIngest(handler, url, request, response).catch((error: unknown) => refuse(response, error))
  })
}

/** Answers `/streams/{stream}/records` with the handler of functions/ingest, on the event that API Gateway would make. */
async function serveIngest(
  handler: () => IngestHandler,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  requireSameSite(request)
  const endsMs = Date.now() + TIMEOUT_MS
  const event: HttpEvent = {
    requestContext: { http: { method: request.method ?? 'GET' } },
    rawPath: url.pathname,
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    ),
    queryStringParameters: Object.fromEntries(url.searchParams),
    pathParameters: { stream: PATH.exec(url.pathname)?.[1] ?? '' },
    body: (await bodyOf(request)).toString('base64'),
    isBase64Encoded: true,
  }
  const { statusCode, headers, body } = await handler()(event, {
    getRemainingTimeInMillis: () => endsMs - Date.now(),
  })
  response.writeHead(statusCode, headers)
  response.end(body)
}

/** As much of it as shows that it is too large; the rest is read and dropped. */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (sizeBytes <= BODY_BYTES_MAX) chunks.push(chunk)
    sizeBytes += chunk.length
  }
  return Buffer.concat(chunks)
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, code, message } =
    error instanceof HttpError ? error : { status: 500, code: 'INTERNAL', message: 'something failed' }
  if (response.headersSent) response.end()
  else {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    response.end(JSON.stringify({ error: { code, message } }))
  }
}
