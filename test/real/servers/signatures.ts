import type { IncomingHttpHeaders } from 'node:http'
import { presignUrl, signHeaders } from '../../../lib/aws/http/sign.ts'

export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A signature is good for so long to either side. */
const SLACK_MS = 5 * 60_000
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/

/**
 * Whether a request carries the signature that these keys make of exactly this request for this service, as AWS decides:
 * it is made again from what has come, and compared.
 */
export function isSigned(
  request: {
    readonly method: string
    readonly path: string
    readonly headers: IncomingHttpHeaders
    readonly body: Uint8Array
  },
  service: string,
  keys: Keys,
): boolean {
  const { method, path, headers, body } = request
  const [, accessKeyId, , region = '', signedFor, names = ''] =
    AUTHORIZATION.exec(headers.authorization ?? '') ?? []
  const atMs = readStamp(String(headers['x-amz-date']))
  if (accessKeyId !== keys.accessKeyId || signedFor !== service) return false
  if (!(Math.abs(Date.now() - atMs) < SLACK_MS)) return false
  const own = names.split(';').filter((name) => name !== 'host' && name !== 'x-amz-date')
  const signed = Object.fromEntries(own.map((name) => [name, String(headers[name])]))
  const host = String(headers.host)
  const again = signHeaders(
    { method, path, query: {}, headers: signed, host, body },
    { service, region },
    keys,
    atMs,
  )
  return again.authorization === headers.authorization
}

/** Whether a WebSocket address carries the right to connect, as the IAM authorizer of $connect decides. */
export function isSignedUrl(url: URL, host: string, keys: Keys): boolean {
  const given = Object.fromEntries(url.searchParams)
  const [accessKeyId, , region = '', service = ''] = (given['X-Amz-Credential'] ?? '').split('/')
  const atMs = readStamp(given['X-Amz-Date'] ?? '')
  const expiresS = Number(given['X-Amz-Expires'])
  if (accessKeyId !== keys.accessKeyId || service !== 'execute-api') return false
  if (!(Date.now() < atMs + expiresS * 1000)) return false
  const query = Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith('X-Amz-')))
  const request = { method: 'GET', host, path: url.pathname, query }
  const again = new URL(presignUrl(request, { service, region }, keys, atMs, expiresS))
  return again.searchParams.get('X-Amz-Signature') === given['X-Amz-Signature']
}

/** `20261102T080000Z` as Unix ms; NaN where it is not one. */
function readStamp(stamp: string): number {
  return Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}
