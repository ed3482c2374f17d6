import { PortError } from '../ports/errors.ts'
import type { Credentials } from './http/credentials.ts'
import { presignUrl } from './http/sign.ts'

/** API Gateway takes a signature for no longer. */
const EXPIRES_S = 300
const HOST = /^[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/

/**
 * A WebSocket address with the caller's right to connect in it, good for five minutes: what a browser can open, since
 * it cannot send headers. `url` is the output WebSocketUrl of a deployment. Throws MISCONFIGURED on another address.
 */
export function connectUrl(url: string, credentials: Credentials, nowMs: number): string {
  const { protocol, host, pathname } = new URL(url)
  const region = HOST.exec(host)?.[1]
  if (protocol !== 'wss:' || region === undefined)
    throw new PortError(
      'MISCONFIGURED',
      `${url} is not the address of a deployment: expected wss://ID.execute-api.REGION.amazonaws.com/STAGE`,
      { curable: false },
    )
  const request = { method: 'GET', host, path: pathname, query: {} }
  const signed = presignUrl(request, { service: 'execute-api', region }, credentials, nowMs, EXPIRES_S)
  return signed.replace(/^https:/, 'wss:')
}
