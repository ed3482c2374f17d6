import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Alert, ClientMessage, ErrorAnswer, PongMessage } from '../../lib/serve/dashboard-messages.ts'
import {
  alertsMessage,
  clientMessage,
  errorMessage,
  MESSAGES,
  pongMessage,
} from '../../lib/serve/protocol.ts'
import { readCursor } from '../../lib/state/alert-cursor.ts'
import { sampleAlert } from './sample.ts'

type Json = { readonly [name: string]: unknown }

const text = readFileSync(new URL('../../docs/asyncapi.yaml', import.meta.url), 'utf8')
const document = parse(text) as { channels: { socket: { messages: Json } }; components: Json }
const messages = document.components.messages as Record<
  string,
  { payload: Json; examples: { payload: Json }[] }
>

/** What a reference of the document stands for. */
function resolve(reference: string): unknown {
  const names = reference.replace('#/', '').split('/')
  return names.reduce<unknown>((at, name) => (at as Json | undefined)?.[name], document)
}

/** A schema without references, words for people, with required fields in one order. */
function bare(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(bare)
  if (typeof schema !== 'object' || schema === null) return schema
  if ('$ref' in schema) return bare(resolve(String(schema.$ref)))
  const { description: _, $schema: __, required, ...rest } = schema as Json
  const sorted = Array.isArray(required) ? { required: [...required].sort() } : {}
  return Object.fromEntries(
    Object.entries({ ...rest, ...sorted }).map(([name, value]) => [name, bare(value)]),
  )
}

describe('docs/asyncapi.yaml', () => {
  it('describes exactly the messages there are', () => {
    expect(Object.keys(messages).sort()).toEqual(Object.keys(MESSAGES).sort())
    expect(Object.keys(document.channels.socket.messages).sort()).toEqual(Object.keys(MESSAGES).sort())
  })

  it.each(Object.entries(MESSAGES))('says of %s what the schema says', (name, schema) => {
    const payload = bare(messages[name]?.payload)
    expect(payload).toEqual(bare(z.toJSONSchema(schema, { io: 'input' })))
  })

  it.each(Object.entries(MESSAGES))('gives examples of %s that hold', (name, schema) => {
    const examples = messages[name]?.examples ?? []
    expect(examples.length).toBeGreaterThan(0)
    for (const { payload } of examples) expect(schema.parse(payload)).toEqual(payload)
  })

  it('refers to nothing that is not there', () => {
    const references = [...text.matchAll(/\$ref: ['"]([^'"]+)['"]/g)].map(([, reference = '']) => reference)
    expect(references.length).toBeGreaterThan(20)
    for (const reference of references) expect(resolve(reference), reference).toBeDefined()
  })
})

describe('the schemas of the protocol', () => {
  it('know every field of the types that pages use', () => {
    const alert: Required<Alert> = { ...sampleAlert(0), recordCut: true }
    const frame = { channel: 'alerts/sample', from: '0.0', cursor: '1.0', alerts: [alert] }
    expect(alertsMessage.parse(frame)).toEqual(frame)
    const pong: PongMessage = { pong: true }
    expect(pongMessage.parse(pong)).toEqual(pong)
    const refused: ErrorAnswer = { error: { code: 'TOO_MANY', message: 'm', channel: 'c' } }
    expect(errorMessage.parse(refused)).toEqual(refused)
    const where = { severity: ['low' as const], group: ['g'] }
    const subscribe: ClientMessage = { action: 'subscribe', channel: 'alerts/sample', since: '1.0', where }
    expect(clientMessage.parse(subscribe)).toEqual(subscribe)
  })

  it('take every cursor that the log takes, and of trends a time', () => {
    for (const since of ['0', 'start', '0.0', '12.345', '999999999999999.999999999', '1.', 'x', '', '-1.0']) {
      const checked = clientMessage.safeParse({ action: 'subscribe', channel: 'alerts/s', since })
      expect(checked.success, since).toBe(readCursor(since) !== undefined)
    }
    const since = '1795244340000'
    expect(clientMessage.safeParse({ action: 'subscribe', channel: 'trends/s', since }).success).toBe(true)
  })
})
