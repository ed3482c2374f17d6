import { gzipSync } from 'node:zlib'
import { PortError } from '../../ports/errors.ts'
import { FRAMED, framedBody } from '../ingest/records-body.ts'

/** Adds what a request needs to be let in, such as a signature. */
export type Sign = (request: {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}) => Promise<Readonly<Record<string, string>>>

export interface IngestClientOptions {
  /** Of the ingest API, without a path: https://ID.execute-api.REGION.amazonaws.com, http://localhost:4400. */
  readonly url: URL
  readonly stream: string
  readonly sign?: Sign
  /** Default 35 s: longer than the API takes. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 35_000

/** Sends records to an ingest API: once, and says whether trying again can help. */
export class IngestClient {
  readonly #options: IngestClientOptions
  readonly #url: URL

  constructor(options: IngestClientOptions) {
    this.#options = options
    this.#url = new URL(`/streams/${options.stream}/records?invalid=keep`, options.url)
  }

  /** Rejects with a PortError; curable where the same request may be sent again, and must be to know. */
  async post(key: string, records: readonly Uint8Array[]): Promise<void> {
    const { sign, timeoutMs = TIMEOUT_MS } = this.#options
    const body = gzipSync(framedBody(records), { level: 1 })
    const plain = { 'content-type': FRAMED, 'content-encoding': 'gzip', 'idempotency-key': key }
    const request = { method: 'POST', url: this.#url, headers: plain, body }
    const headers = (await sign?.(request)) ?? plain
    const response = await fetch(this.#url, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((cause: unknown) => {
      throw new PortError('UNAVAILABLE', `${this.#url.origin} does not answer: ${causeOf(cause)}`, {
        curable: true,
        cause,
      })
    })
    const text = await response.text().catch(() => '')
    if (response.status !== 200) throw refused(this.#url, response.status, text)
  }
}

/** 409: being taken right now. 429 and 5xx: later. Anything else stays as it is however often it is tried. */
function refused(url: URL, status: number, text: string): PortError {
  const what = messageIn(text)
  const curable = status === 429 || status >= 500 || (status === 409 && what.includes('IN_PROGRESS'))
  const code = status === 401 || status === 403 ? 'DENIED' : curable ? 'UNAVAILABLE' : 'MISCONFIGURED'
  return new PortError(code, `${url.origin} answered ${status}${what}`, { curable })
}

function messageIn(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as {
      error?: { code: string; message: string }
      message?: string
    }
    if (error !== undefined) return ` ${error.code}: ${error.message}`
    return message === undefined ? '' : `: ${message}`
  } catch {
    return ''
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
}
