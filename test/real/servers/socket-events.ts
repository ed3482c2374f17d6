import { readFileSync } from 'node:fs'

/** What API Gateway sends to the function behind a WebSocket, shaped as the samples in events/. */
interface SocketSample {
  readonly requestContext: Readonly<Record<string, unknown>>
}

const CONNECT = sample('socket-connect.json')
const MESSAGE = sample('socket-subscribe.json')
const DISCONNECT = sample('socket-disconnect.json')

export function connectEvent(connectionId: string, query: Readonly<Record<string, string>>): object {
  const lists = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value]]))
  return {
    ...of(CONNECT, connectionId),
    queryStringParameters: query,
    multiValueQueryStringParameters: lists,
  }
}

export function messageEvent(connectionId: string, body: string): object {
  return { ...of(MESSAGE, connectionId), body }
}

export function disconnectEvent(connectionId: string, disconnectStatusCode: number): object {
  const { requestContext, ...rest } = of(DISCONNECT, connectionId)
  return { ...rest, requestContext: { ...requestContext, disconnectStatusCode, disconnectReason: '' } }
}

function of(event: SocketSample, connectionId: string): SocketSample {
  const requestTimeEpoch = Date.now()
  return { ...event, requestContext: { ...event.requestContext, connectionId, requestTimeEpoch } }
}

function sample(file: string): SocketSample {
  return JSON.parse(readFileSync(new URL(`../../../events/${file}`, import.meta.url), 'utf8'))
}
