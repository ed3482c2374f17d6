import { type ClientRequest, Agent as HttpAgent, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { PortError } from '../../ports/errors.ts'

export interface HttpRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface HttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** Failures in transit, as opposed to answers: whether the server acted on the request is not known. */
export class TransitError extends PortError {}

/**
 * Connections to one endpoint, kept open between requests. On node:http(s), measured at 0.05 ms of CPU a request:
 * as undici, and a third of the global `fetch` (bench/adapters/http.ts).
 */
export class Transport {
  readonly #endpoint: URL
  readonly #agent: HttpAgent | HttpsAgent

  constructor(endpoint: URL) {
    this.#endpoint = endpoint
    const options = { keepAlive: true, maxSockets: 64, scheduling: 'lifo' } as const
    this.#agent = endpoint.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
  }

  /** Resolves with any answer, whatever its status. Rejects with TransitError: TIMEOUT or UNAVAILABLE. */
  send(request: HttpRequest, timeoutMs: number): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const sending = this.#open(request)
      const timer = setTimeout(() => {
        sending.destroy()
        reject(this.#error('TIMEOUT', `no answer within ${timeoutMs} ms`))
      }, timeoutMs)
      const fail = (cause: Error): void => {
        clearTimeout(timer)
        reject(this.#error('UNAVAILABLE', cause.message, cause))
      }
      sending.on('error', fail)
      sending.on('response', (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', fail)
        answer.on('end', () => {
          clearTimeout(timer)
          const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
        })
      })
      sending.end(request.body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  #open({ method, path, headers, body }: HttpRequest): ClientRequest {
    const { protocol, hostname, port } = this.#endpoint
    const open = protocol === 'https:' ? requestHttps : requestHttp
    return open({
      agent: this.#agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? undefined : Number(port),
      method,
      path,
      headers: { ...headers, 'content-length': body.length },
    })
  }

  #error(code: 'TIMEOUT' | 'UNAVAILABLE', message: string, cause?: unknown): TransitError {
    return new TransitError(code, `${this.#endpoint.host}: ${message}`, { curable: true, cause })
  }
}
