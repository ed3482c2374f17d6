const API = 'i5n6g7e8s9'
const DOMAIN = `${API}.execute-api.eu-west-1.amazonaws.com`

/** What an API Gateway HTTP API sends for records that a client brings: payload format 2.0, signed by the caller. */
export function ingestEvent(atMs: number, stream: string, records: readonly string[]): object {
  const path = `/streams/${stream}/records`
  const at = new Date(atMs)
  const stamp = at.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const body = records.map((record) => `${record}\n`).join('')
  return {
    version: '2.0',
    routeKey: 'POST /streams/{stream}/records',
    rawPath: path,
    rawQueryString: 'invalid=keep',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/${stamp.slice(0, 8)}/eu-west-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
      'content-length': String(Buffer.byteLength(body)),
      'content-type': 'application/x-ndjson',
      host: DOMAIN,
      'idempotency-key': 'sensor-17.0042',
      'user-agent': 'curl/8.5.0',
      'x-amz-date': stamp,
      'x-forwarded-for': '192.0.2.17',
      'x-forwarded-proto': 'https',
    },
    queryStringParameters: { invalid: 'keep' },
    pathParameters: { stream },
    requestContext: {
      accountId: '123456789012',
      apiId: API,
      domainName: DOMAIN,
      domainPrefix: API,
      http: { method: 'POST', path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.17', userAgent: 'curl/8.5.0' },
      requestId: 'Mm4yAd0qEpFFNIR=',
      routeKey: 'POST /streams/{stream}/records',
      stage: '$default',
      time: at.toUTCString(),
      timeEpoch: atMs,
    },
    body,
    isBase64Encoded: false,
  }
}
