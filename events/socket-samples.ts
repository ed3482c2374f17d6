const API = 'a1b2c3d4e5'
const DOMAIN = `${API}.execute-api.eu-west-1.amazonaws.com`
const CONNECTION = 'Lk3xZc9pDoECHmQ='

/** What API Gateway sends in the life of one WebSocket connection. */
export function socketEvents(startMs: number, stream: string): readonly (readonly [string, unknown])[] {
  const message = (body: object) => ({
    requestContext: { ...context('$default', 'MESSAGE', startMs + 500), messageId: 'Lk3xbd4lDoECHmQ=' },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  })
  return [
    ['socket-connect.json', connect(startMs)],
    ['socket-subscribe.json', message({ action: 'subscribe', channel: `alerts/${stream}`, since: 'start' })],
    ['socket-ping.json', message({ action: 'ping' })],
    ['socket-disconnect.json', disconnect(startMs)],
  ]
}

function connect(startMs: number): object {
  const headers = {
    Host: DOMAIN,
    'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'X-Forwarded-For': '192.0.2.17',
    'X-Forwarded-Port': '443',
    'X-Forwarded-Proto': 'https',
  }
  return {
    headers,
    multiValueHeaders: lists(headers),
    ...{ queryStringParameters: SIGNATURE, multiValueQueryStringParameters: lists(SIGNATURE) },
    requestContext: context('$connect', 'CONNECT', startMs),
    isBase64Encoded: false,
  }
}

function disconnect(startMs: number): object {
  const headers = { Host: DOMAIN, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' }
  return {
    headers,
    multiValueHeaders: lists(headers),
    requestContext: {
      ...context('$disconnect', 'DISCONNECT', startMs + 60_000),
      disconnectStatusCode: 1001,
      disconnectReason: 'Going away',
    },
    isBase64Encoded: false,
  }
}

const SIGNATURE = {
  'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
  'X-Amz-Credential': 'AKIAEXAMPLE/20261102/eu-west-1/execute-api/aws4_request',
  'X-Amz-Date': '20261102T080000Z',
  'X-Amz-SignedHeaders': 'host',
  'X-Amz-Signature': '0'.repeat(64),
}

function context(routeKey: string, eventType: string, timeMs: number): object {
  const connectedAt = timeMs - (timeMs % 60_000)
  return {
    routeKey,
    eventType,
    extendedRequestId: 'Lk3xZFdLDoEFz3w=',
    requestTime: '02/Nov/2026:08:00:00 +0000',
    messageDirection: 'IN',
    stage: 'v1',
    connectedAt,
    requestTimeEpoch: timeMs,
    identity: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0', sourceIp: '192.0.2.17' },
    requestId: 'Lk3xZFdLDoEFz3w=',
    domainName: DOMAIN,
    connectionId: CONNECTION,
    apiId: API,
  }
}

function lists(values: Readonly<Record<string, string>>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]))
}
