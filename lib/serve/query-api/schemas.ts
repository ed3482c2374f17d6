import { z } from 'zod'
import { trendSlide } from '../protocol.ts'

/**
 * The parameters and answers of the HTTP query API: what the handler checks, and what docs/openapi.yaml is checked against.
 */

/** ISO 8601, or ms since 1970. */
const time = z
  .string()
  .regex(/^(\d{1,15}|\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?)$/, 'expected ISO 8601 or ms since 1970')
const count = (most: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,5}$/, `expected a whole number from 1 to ${most}`)
    .refine((text) => Number(text) <= most, `expected a whole number from 1 to ${most}`)
const flag = z.enum(['true', 'false'])
const name = z.string().min(1).max(100)

export const ROWS_MAX = 10_000
export const ROWS_DEFAULT = 1_000
export const TOP_MAX = 1_000
export const TOP_DEFAULT = 10

export const viewsParameters = z.strictObject({})

export const queryParameters = z.strictObject({
  key: z.string().max(4_096).optional(),
  from: time.optional(),
  to: time.optional(),
  bySlot: flag.optional(),
  layer: z.enum(['merged', 'speed', 'batch']).optional(),
  limit: count(ROWS_MAX).optional(),
})

export const topParameters = z.strictObject({
  window: z
    .string()
    .regex(/^[1-9]\d{0,5}[smhd]$/, 'expected a length of time such as 90s, 10m, 2h or 7d')
    .optional(),
  at: time.optional(),
  k: count(TOP_MAX).optional(),
  by: name.optional(),
})

export const SLIDES_MAX = 1_000

export const slidesParameters = z.strictObject({
  from: time.optional(),
  to: time.optional(),
  limit: count(SLIDES_MAX).optional(),
})

export const slidesAnswer = z.object({ stream: z.string(), slides: z.array(trendSlide) })

/** An answer's time: UTC. */
const isoTime = z.string()

const row = z
  .object({ key: z.string(), fields: z.record(z.string(), z.string()), from: isoTime, to: isoTime })
  .catchall(z.unknown())

const viewSummary = z.object({
  id: z.string(),
  title: z.string(),
  stream: z.string(),
  version: z.string(),
  groupBy: z.array(z.string()),
  slotMs: z.number(),
  aggregates: z.array(z.object({ name: z.string(), kind: z.string(), error: z.string().optional() })),
  retentionDays: z.number().optional(),
})

export const viewsAnswer = z.object({ views: z.array(viewSummary) })

export const queryAnswer = z.object({
  view: z.string(),
  rows: z.array(row),
  horizon: isoTime.nullable(),
  since: isoTime.nullable(),
  retractionsPending: z.number(),
  asOf: isoTime,
  truncated: z.boolean(),
})

export const topAnswer = z.object({
  view: z.string(),
  rows: z.array(row),
  horizon: isoTime.nullable(),
  since: isoTime.nullable(),
  retractionsPending: z.number(),
  asOf: isoTime,
  window: z.object({ from: isoTime, to: isoTime }),
  by: z.string(),
  keys: z.number(),
})

export const ERROR_CODES = [
  'BAD_PARAMETER',
  'NO_SUCH_VIEW',
  'NO_SUCH_ROUTE',
  'METHOD_NOT_ALLOWED',
  'UNAVAILABLE',
  'INTERNAL',
] as const

export const errorAnswer = z.object({
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }),
})

export type ViewSummary = z.infer<typeof viewSummary>
export type ErrorCode = (typeof ERROR_CODES)[number]
