import { z } from 'zod'

/** What `POST /streams/{stream}/records` takes and answers: what the handler checks, and docs/openapi.yaml is checked against. */

export const INGEST_PATH = '/streams/{stream}/records'

export const ingestParameters = z.strictObject({ invalid: z.enum(['refuse', 'keep']).optional() })

/** By name in lower case. */
export const ingestHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, '1 to 200 visible ASCII characters are expected')
    .optional(),
  'content-encoding': z.enum(['gzip', 'identity']).optional(),
})

/** Invalid records that an answer names: enough to find what is wrong. */
export const INVALID_MAX = 1000

const whole = z.number().int().min(0)

const invalidRecords = z
  .array(z.object({ record: whole, stage: z.enum(['parse', 'validate']), reason: z.string() }))
  .max(INVALID_MAX)

export const ingestAnswer = z.object({
  stream: z.string(),
  topic: z.string(),
  accepted: whole,
  replayed: z.boolean(),
  records: z.array(z.object({ partition: whole, offset: whole })),
  invalid: invalidRecords,
})

export const INGEST_ERROR_CODES = [
  'BAD_REQUEST',
  'NO_SUCH_STREAM',
  'METHOD_NOT_ALLOWED',
  'IN_PROGRESS',
  'UNKNOWN_OUTCOME',
  'TOO_LARGE',
  'INVALID_RECORDS',
  'KEY_REUSED',
  'UNAVAILABLE',
] as const

export const ingestRefusal = z.object({
  error: z.object({ code: z.enum(INGEST_ERROR_CODES), message: z.string() }),
  invalid: invalidRecords.optional(),
})
