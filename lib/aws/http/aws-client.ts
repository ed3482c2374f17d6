import { PortError } from '../../ports/errors.ts'
import { type Deadline, NO_DEADLINE } from '../deadline.ts'
import { withRetries } from '../retry.ts'
import type { CredentialProvider } from './credentials.ts'
import { canonicalQuery, signHeaders } from './sign.ts'
import { type HttpAnswer, TransitError, Transport } from './transport.ts'

export interface AwsClientSettings {
  readonly service: string
  readonly region: string
  /** Scheme, host, port and perhaps a path that goes before every request's. */
  readonly endpoint: string
  readonly credentials: CredentialProvider
  /** For one try. */
  readonly timeoutMs: number
  readonly attempts?: number
  readonly deadline?: Deadline | undefined
}

export interface AwsRequest {
  readonly method: string
  /** Percent-encoded, from `/`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** How the tries of one request went. */
export interface Answered {
  readonly answer: HttpAnswer
  /** True where an earlier try may have taken effect: a condition that fails now may be one's own success. */
  readonly doubtful: boolean
}

const NOTHING = new Uint8Array(0)

/**
 * Signed requests to one service, repeated with jitter while a repetition can help. `refusal` says what an answer
 * means: undefined where it is a result, otherwise the error, repeated where it is curable.
 */
export class AwsClient {
  readonly #settings: AwsClientSettings
  readonly #endpoint: URL
  readonly #transport: Transport

  constructor(settings: AwsClientSettings) {
    this.#settings = settings
    this.#endpoint = new URL(settings.endpoint)
    this.#transport = new Transport(this.#endpoint)
  }

  async send(request: AwsRequest, refusal: (answer: HttpAnswer) => PortError | undefined): Promise<Answered> {
    const { attempts = 5, deadline = NO_DEADLINE } = this.#settings
    let doubtful = false
    const answer = await withRetries(
      async () => {
        try {
          const got = await this.#try(request, deadline)
          const refused = refusal(got)
          if (refused === undefined) return got
          // A refusal for throttling is before any effect; a 5xx may come after it.
          if (refused.code !== 'THROTTLED') doubtful = true
          throw refused
        } catch (error) {
          if (error instanceof TransitError) doubtful = true
          throw error
        }
      },
      { attempts, baseMs: 50, capMs: 2000, deadline },
    )
    return { answer, doubtful }
  }

  close(): void {
    this.#transport.close()
  }

  async #try(request: AwsRequest, deadline: Deadline): Promise<HttpAnswer> {
    const { method, query = {}, headers = {}, body = NOTHING } = request
    const base = this.#endpoint.pathname === '/' ? '' : this.#endpoint.pathname.replace(/\/$/, '')
    const unsigned = { method, host: this.#endpoint.host, path: base + request.path, query, headers, body }
    const credentials = await this.#settings.credentials()
    const signed = signHeaders(unsigned, this.#settings, credentials, Date.now())
    const text = canonicalQuery(query)
    const path = text === '' ? unsigned.path : `${unsigned.path}?${text}`
    return this.#transport.send(
      { method, path, headers: signed, body },
      deadline.cut(this.#settings.timeoutMs),
    )
  }
}

/** Where a service is; China's regions have a domain of their own. */
export function awsEndpoint(name: string, region: string): string {
  return `https://${name}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

/** What a status means where the service's own error name says no more. */
export function refusalOf(status: number, name: string, message: string): PortError {
  const said = `${name} (${status})${message === '' ? '' : `: ${message}`}`
  if (THROTTLING.has(name) || status === 429) return new PortError('THROTTLED', said, { curable: true })
  if (status >= 500) return new PortError('UNAVAILABLE', said, { curable: true })
  if (EXPIRED.has(name)) return new PortError('DENIED', said, { curable: true })
  if (status === 401 || status === 403 || DENYING.test(name))
    return new PortError('DENIED', said, { curable: false })
  return new PortError('MISCONFIGURED', said, { curable: false })
}

const THROTTLING: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'Throttling',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'TooManyRequestsException',
  'SlowDown',
])

/** Cured by asking once more: the clock or the credentials have moved on. */
const EXPIRED: ReadonlySet<string> = new Set(['ExpiredTokenException', 'ExpiredToken', 'RequestExpired'])

const DENYING = /AccessDenied|UnrecognizedClient|InvalidSignature|IncompleteSignature|MissingAuthentication/
