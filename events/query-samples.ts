const API = 'q1w2e3r4t5'
const DOMAIN = `${API}.execute-api.eu-west-1.amazonaws.com`

/** What an API Gateway HTTP API sends for a question to a view: payload format 2.0, signed by the caller. */
export function queryEvent(atMs: number, view: string): object {
  const query = { layer: 'merged', limit: '5' }
  const path = `/views/${view}`
  const at = new Date(atMs)
  const stamp = at.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return {
    version: '2.0',
    routeKey: 'GET /views/{view}',
    rawPath: path,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: {
      accept: 'application/json',
      authorization: `AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/${stamp.slice(0, 8)}/eu-west-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
      host: DOMAIN,
      'user-agent': 'curl/8.5.0',
      'x-amz-date': stamp,
      'x-forwarded-for': '192.0.2.17',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    queryStringParameters: query,
    pathParameters: { view },
    requestContext: {
      accountId: '123456789012',
      apiId: API,
      domainName: DOMAIN,
      domainPrefix: API,
      http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.17', userAgent: 'curl/8.5.0' },
      requestId: 'Lk3xZc9pDoEEMHQ=',
      routeKey: 'GET /views/{view}',
      stage: '$default',
      time: at.toUTCString(),
      timeEpoch: atMs,
    },
    isBase64Encoded: false,
  }
}
