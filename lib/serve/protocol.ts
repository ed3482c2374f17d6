import { z } from 'zod'
import { SEVERITIES } from '../stream/alert.ts'

/**
 * The messages of the WebSocket as schemas: what the socket function checks, and what docs/asyncapi.yaml is checked
 * against. dashboard-messages.ts has them as types.
 */
const severity = z.enum(SEVERITIES)

const channel = z
  .string()
  .regex(
    /^(status|(alerts|incidents|trends)\/[a-z][a-z0-9-]{0,39})$/,
    'expected alerts/<stream>, incidents/<stream> or trends/<stream>',
  )

const since = z
  .string()
  .regex(/^(0|start|\d{1,15}(\.\d{1,9})?)$/, 'expected a cursor from an earlier message, or "start"')

const alertFilter = z.strictObject({
  severity: z.array(severity).min(1).max(4).optional(),
  group: z.array(z.string().max(300)).min(1).max(100).optional(),
})

export const subscribeMessage = z.strictObject({
  action: z.literal('subscribe'),
  channel,
  since: since.optional(),
  where: alertFilter.optional(),
})

export const unsubscribeMessage = z.strictObject({ action: z.literal('unsubscribe'), channel })

export const pingMessage = z.strictObject({ action: z.literal('ping') })

export const clientMessage = z.discriminatedUnion('action', [
  subscribeMessage,
  unsubscribeMessage,
  pingMessage,
])

/** Of what comes from Weir a client ignores the fields it does not know: there may be more one day. */
const timeMs = z.number().int().min(0)

export const alert = z.object({
  id: z.string(),
  stream: z.string(),
  severity,
  title: z.string(),
  group: z.string(),
  score: z.number(),
  threshold: z.number(),
  model: z.string(),
  reasons: z.array(
    z.object({
      feature: z.string(),
      value: z.union([z.string(), z.number(), z.boolean()]),
      share: z.number(),
      text: z.string(),
    }),
  ),
  firstSeenMs: timeMs,
  lastSeenMs: timeMs,
  count: z.number().int().min(1),
  origin: z.object({
    site: z.string(),
    topic: z.string(),
    partition: z.number().int().min(0),
    offset: z.number().int().min(0),
  }),
  record: z.record(z.string(), z.unknown()),
  recordCut: z.boolean().optional(),
})

export const alertsMessage = z.object({
  channel: z.string(),
  from: z.string(),
  cursor: z.string(),
  alerts: z.array(alert),
})

const wholeNumber = z.number().int().min(0)

export const trendSlide = z.object({
  from: timeMs,
  to: timeMs,
  top: z.array(z.object({ key: z.string(), count: wholeNumber })),
  bursts: z.array(z.object({ key: z.string(), uses: wholeNumber, expected: z.number(), log10P: z.number() })),
  uses: wholeNumber,
  late: wholeNumber,
  provisional: z.boolean(),
  cut: z.boolean().optional(),
})

export const trendsMessage = z.object({
  channel: z.string(),
  from: z.string(),
  cursor: z.string(),
  slides: z.array(trendSlide),
})

export const pongMessage = z.object({ pong: z.literal(true) })

export const errorMessage = z.object({
  error: z.object({
    code: z.enum(['BAD_MESSAGE', 'NO_SUCH_CHANNEL', 'BAD_CURSOR', 'TOO_MANY', 'INTERNAL']),
    message: z.string(),
    channel: z.string().optional(),
  }),
})

export type ErrorCode = z.output<typeof errorMessage>['error']['code']

/** Messages of docs/asyncapi.yaml by their name there. */
export const MESSAGES = {
  subscribe: subscribeMessage,
  unsubscribe: unsubscribeMessage,
  ping: pingMessage,
  alerts: alertsMessage,
  trends: trendsMessage,
  pong: pongMessage,
  error: errorMessage,
} as const
