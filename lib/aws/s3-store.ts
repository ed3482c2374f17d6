import { PortError } from '../ports/errors.ts'
import type {
  ObjectCondition,
  ObjectInfo,
  ObjectPutResult,
  ObjectStore,
  StoredObject,
} from '../ports/object-store.ts'
import { AwsClient, type AwsClientSettings, awsEndpoint, refusalOf } from './http/aws-client.ts'
import { uriEncode } from './http/sign.ts'
import type { HttpAnswer } from './http/transport.ts'
import { readErrorCode, readListing } from './s3-xml.ts'

export interface S3Settings extends Omit<AwsClientSettings, 'service' | 'endpoint'> {
  readonly bucket: string
  /** A server in S3's stead. Its bucket is in the path; S3's own is in the host's name. */
  readonly endpoint?: string | undefined
}

const KEY = /^[A-Za-z0-9!_.*'()=/-]{1,900}$/

/** Objects in one S3 bucket. Every put is one request: S3 takes 5 GB in one, and Weir's objects are far smaller. */
export class S3Store implements ObjectStore {
  readonly #client: AwsClient
  readonly #base: string
  readonly #bucket: string

  constructor(settings: S3Settings) {
    const { bucket, region, endpoint } = settings
    // A dot in the bucket's name does not fit S3's certificate, nor does any name a test server's.
    const inPath = endpoint !== undefined || bucket.includes('.')
    const own = awsEndpoint(inPath ? 's3' : `${bucket}.s3`, region)
    this.#bucket = bucket
    this.#base = inPath ? `/${bucket}` : ''
    this.#client = new AwsClient({ ...settings, service: 's3', endpoint: endpoint ?? own })
  }

  async uri(key: string): Promise<string> {
    return `s3://${this.#bucket}/${key}`
  }

  async put(key: string, bytes: Uint8Array, condition: ObjectCondition = 'any'): Promise<ObjectPutResult> {
    const request = {
      method: 'PUT',
      path: this.#path(key),
      headers: conditionHeaders(condition),
      body: bytes,
    }
    const { answer, doubtful } = await this.#client.send(request, (got) =>
      isFailedCondition(got, condition) ? undefined : refusal(got, `put ${key}`, 200),
    )
    if (answer.status === 200) return { ok: true, etag: etagOf(answer) }
    if (!doubtful) return { ok: false }
    // The condition may fail because an earlier try, whose answer was lost, has already written the object.
    const stored = await this.get(key)
    const mine = stored !== undefined && Buffer.compare(stored.bytes, bytes) === 0
    return mine ? { ok: true, etag: stored.etag } : { ok: false }
  }

  async get(
    key: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<StoredObject | undefined> {
    // HTTP has no word for an empty range.
    if (range !== undefined && range.end <= range.start) return this.#empty(key)
    const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` }
    const request = { method: 'GET', path: this.#path(key), headers }
    const { answer } = await this.#client.send(request, (got) =>
      refusal(got, `get ${key}`, 200, 206, 404, 416),
    )
    if (answer.status === 404) return missing(answer, `get ${key}`)
    if (answer.status === 416) return this.#empty(key)
    return { bytes: answer.body, etag: etagOf(answer) }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const request = { method: 'HEAD', path: this.#path(key) }
    const { answer } = await this.#client.send(request, (got) => refusal(got, `head ${key}`, 200, 404))
    if (answer.status === 404) return undefined
    return {
      key,
      etag: etagOf(answer),
      sizeBytes: Number(answer.headers['content-length']),
      modifiedMs: Date.parse(String(answer.headers['last-modified'])),
    }
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    let token: string | undefined
    do {
      const query = {
        'list-type': '2',
        prefix,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      }
      const request = { method: 'GET', path: `${this.#base}/`, query }
      const { answer } = await this.#client.send(request, (got) => refusal(got, `list ${prefix}`, 200))
      const page = readListing(answer.body.toString('utf8'))
      yield* page.objects
      token = page.nextToken
    } while (token !== undefined)
  }

  async delete(key: string): Promise<void> {
    const request = { method: 'DELETE', path: this.#path(key) }
    const { answer } = await this.#client.send(request, (got) => refusal(got, `delete ${key}`, 200, 204, 404))
    if (answer.status === 404) missing(answer, `delete ${key}`)
  }

  async close(): Promise<void> {
    this.#client.close()
  }

  async #empty(key: string): Promise<StoredObject | undefined> {
    const info = await this.head(key)
    return info && { bytes: new Uint8Array(0), etag: info.etag }
  }

  #path(key: string): string {
    const segments = key.split('/')
    if (!KEY.test(key) || segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
      throw new PortError('BAD_KEY', `not an object key: ${JSON.stringify(key.slice(0, 100))}`, {
        curable: false,
      })
    return `${this.#base}/${segments.map(uriEncode).join('/')}`
  }
}

function conditionHeaders(condition: ObjectCondition): Record<string, string> {
  if (condition === 'any') return {}
  return condition === 'absent' ? { 'if-none-match': '*' } : { 'if-match': condition.etag }
}

/** 412, or 404 where the object that was to be replaced is not there. */
function isFailedCondition(answer: HttpAnswer, condition: ObjectCondition): boolean {
  if (condition === 'any') return false
  const gone = answer.status === 404 && condition !== 'absent' && errorCode(answer) !== 'NoSuchBucket'
  return answer.status === 412 || gone
}

function refusal(answer: HttpAnswer, what: string, ...results: readonly number[]): PortError | undefined {
  if (results.includes(answer.status)) return undefined
  const code = errorCode(answer)
  // Two conditional writes at once: S3 asks the loser to try again.
  if (code === 'ConditionalRequestConflict' || code === 'OperationAborted')
    return new PortError('UNAVAILABLE', `${what}: ${code} (409)`, { curable: true })
  const refused = refusalOf(answer.status, code, '')
  return new PortError(refused.code, `${what}: ${refused.message}`, { curable: refused.curable })
}

/** No object, or no bucket: the second must not read as the first. */
function missing(answer: HttpAnswer, what: string): undefined {
  if (errorCode(answer) !== 'NoSuchBucket') return undefined
  throw new PortError('MISCONFIGURED', `${what}: there is no such bucket`, { curable: false })
}

function errorCode(answer: HttpAnswer): string {
  return readErrorCode(answer.body.toString('utf8'))
}

function etagOf(answer: HttpAnswer): string {
  const etag = answer.headers.etag
  if (typeof etag === 'string') return etag
  throw new PortError('CORRUPT', 'S3 answered without an etag', { curable: true })
}
