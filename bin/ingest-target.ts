import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { standardCredentials } from '../lib/aws/http/credentials.ts'
import { signHeaders } from '../lib/aws/http/sign.ts'
import { HttpsLog } from '../lib/collect/https/https-log.ts'
import { IngestClient, type Sign } from '../lib/collect/https/ingest-client.ts'
import type { Ports } from '../lib/ports/ports.ts'
import { type CommonOptions, UsageError } from './command.ts'
import { withPorts } from './with-ports.ts'

/**
 * Runs `action` with an ingest API in the place of the log. What has been sent there, and what is left to be sent, is kept in a
 * folder of its own below the data folder.
 */
export function withIngestTarget<T>(
  options: CommonOptions,
  address: string,
  stream: string,
  action: (ports: Ports) => Promise<T>,
): Promise<T> {
  const url = checkedUrl(address)
  const name = createHash('sha256').update(url.origin).digest('hex').slice(0, 16)
  const sign = signerFor(url)
  const client = new IngestClient({ url, stream, ...(sign && { sign }) })
  return withPorts({ ...options, data: join(options.data, 'https', name) }, (ports) => {
    const { keyed, objects, clock } = ports
    return action({ ...ports, log: new HttpsLog({ client, url, keyed, objects, clock }) })
  })
}

function checkedUrl(address: string): URL {
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/')
    throw new UsageError(`--url ${address}: expected https://HOST, without a path`)
  if (url.protocol === 'http:' && !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname))
    throw new UsageError(`--url ${address}: records leave this machine by https only`)
  return url
}

/** API Gateway lets in who signs (Signature Version 4) with credentials that may invoke it. */
function signerFor(url: URL): Sign | undefined {
  const region = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(url.hostname)?.[1]
  if (region === undefined) return undefined
  const credentials = standardCredentials(process.env)
  return async ({ method, url: { host, pathname, searchParams }, headers, body }) => {
    const request = { method, host, path: pathname, query: Object.fromEntries(searchParams), headers, body }
    return signHeaders(request, { service: 'execute-api', region }, await credentials(), Date.now())
  }
}
