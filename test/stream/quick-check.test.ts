import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { quickCheck } from '../../lib/stream/quick-check.ts'

const FIELDS: Readonly<Record<string, z.ZodType>> = {
  whole: z.number().int().min(0),
  int: z.int(),
  rate: z.number().min(0).max(1),
  free: z.number(),
  positive: z.number().positive(),
  even: z.number().multipleOf(2),
  coerced: z.coerce.number(),
  text: z.string(),
  name: z.string().min(1),
  trimmed: z.string().trim(),
  refined: z.string().refine((text) => text !== 'no'),
  uuid: z.uuid(),
  flag: z.boolean(),
  flagTrue: z.boolean().refine((flag) => flag),
  optional: z.number().int().optional(),
  defaulted: z.number().default(3),
  nullable: z.string().nullable(),
  listed: z.enum(['a', 'b']),
  list: z.array(z.string()),
  transformed: z.string().transform((text) => text.length),
}

const values = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    'no',
    ' a ',
    'a',
    true,
    false,
    0,
    -0,
    -1,
    1,
    0.5,
    2,
    1e300,
    Number.NaN,
  ),
  fc.constantFrom<unknown>(Number.POSITIVE_INFINITY, 2 ** 53, [], ['x'], {}, '1'),
  fc.double(),
  fc.string(),
)

describe.each(Object.entries(FIELDS))('the quick check of %s', (name, field) => {
  const schema = z.object({ [name]: field })
  const quick = quickCheck(schema)

  it('accepts only what the schema accepts unchanged', () => {
    fc.assert(
      fc.property(values, (value) => {
        const fields = { [name]: value }
        if (quick?.(fields) !== true) return
        const full = schema.safeParse(fields)
        expect(full.success).toBe(true)
        expect(full.data?.[name]).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a quick check', () => {
  it('accepts the common case', () => {
    const quick = quickCheck(
      z.object({ a: z.number().int().min(0), b: z.string().min(1), c: z.uuid().optional() }),
    )
    expect(quick?.({ a: 1, b: 'x' })).toBe(true)
    expect(quick?.({ a: 1, b: 'x', extra: 1 })).toBe(true)
    expect(quick?.({ a: 1, b: 'x', c: 'anything' })).toBe(false)
  })

  it('is not made for an object with checks of its own, or one that refuses or types other fields', () => {
    expect(quickCheck(z.object({ a: z.number() }).refine(() => false))).toBeUndefined()
    expect(quickCheck(z.strictObject({ a: z.number() }))).toBeUndefined()
    expect(quickCheck(z.object({}).catchall(z.string()))).toBeUndefined()
  })
})
