import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { json } from '../../lib/formats/json.ts'
import { defineStream } from '../../lib/stream/define.ts'
import { fieldsOfView, type ViewDefinition } from '../../lib/stream/view-definition.ts'

const GOOD: ViewDefinition = {
  title: '',
  where: [
    { field: 'kind', in: ['a'] },
    { field: '@outcome', in: ['ok'] },
  ],
  groupBy: ['kind', 'tags'],
  slotMs: 60_000,
  retentionDays: 30,
  aggregates: {
    count: { kind: 'count' },
    total: { kind: 'sum', field: 'price', decimals: 2 },
    perPiece: { kind: 'ratio', field: 'price', by: 'pieces' },
    dear: { kind: 'share', where: [{ field: 'dear', in: [true] }] },
    severe: { kind: 'share', where: [{ field: '@severity', in: ['high', 'critical'] }] },
    people: { kind: 'distinct', field: 'tags' },
    top: { kind: 'top', field: 'added', k: 3 },
    prices: { kind: 'quantile', field: 'price', at: [0.5] },
    spread: { kind: 'histogram', field: 'maybe', bounds: [0, 1] },
    last: { kind: 'max', field: '@eventTime' },
  },
}

const define = (view: ViewDefinition, name = 'byKind') =>
  defineStream({
    name: 'shop',
    title: '',
    description: '',
    format: json(),
    schema: z.object({
      kind: z.string(),
      price: z.number(),
      pieces: z.number().int(),
      dear: z.boolean(),
      tags: z.array(z.string()),
      maybe: z.number().nullable(),
    }),
    enrich: { schema: z.object({ added: z.string() }), add: () => ({ added: 'x' }) },
    views: { [name]: view },
    partitions: 1,
  })

const aggregate = (one: object) => ({ ...GOOD, aggregates: { it: one } }) as unknown as ViewDefinition

describe('a view', () => {
  it('may use every kind of aggregate on fields of both schemas', () => {
    expect(() => define(GOOD)).not.toThrow()
    expect(fieldsOfView(GOOD)).toEqual(['kind', 'tags', 'price', 'pieces', 'dear', 'added', 'maybe'])
  })

  it.each<[string, ViewDefinition, RegExp]>([
    ['a slot too short', { ...GOOD, slotMs: 5_000 }, /view byKind: slotMs must be 10,000 or more/],
    ['a slot that divides no day', { ...GOOD, slotMs: 70_000 }, /divide a day, got 70000/],
    ['no slot', { ...GOOD, slotMs: Number.NaN }, /slotMs/],
    ['retention of no time', { ...GOOD, retentionDays: 0 }, /retentionDays must be a whole number from 1 up/],
    ['no key', { ...GOOD, groupBy: [] }, /groupBy names no field/],
    ['a key twice', { ...GOOD, groupBy: ['kind', 'kind'] }, /names a field twice/],
    ['a key of no schema', { ...GOOD, groupBy: ['color'] }, /groupBy names color, which no schema/],
    ['an unknown field of the entry', { ...GOOD, groupBy: ['@score'] }, /names @score/],
    ['a condition that never holds', { ...GOOD, where: [{ field: 'kind', in: [] }] }, /lists no value/],
    [
      'a condition of another kind',
      { ...GOOD, where: [{ field: 'kind', in: [1] }] },
      /kind is never 1: its kind is string/,
    ],
    [
      'an outcome there is not',
      { ...GOOD, where: [{ field: '@outcome', in: ['okay'] }] },
      /never "okay": ok, drop, dead/,
    ],
    ['no aggregates', { ...GOOD, aggregates: {} }, /no aggregates/],
    [
      'an aggregate called key',
      { ...GOOD, aggregates: { key: { kind: 'count' } } },
      /bad aggregate name "key"/,
    ],
    [
      'a sum of text',
      aggregate({ kind: 'sum', field: 'kind' }),
      /it: sum needs numbers, and kind is of kind string/,
    ],
    [
      'a ratio by a boolean',
      aggregate({ kind: 'ratio', field: 'price', by: 'dear' }),
      /ratio needs numbers, and dear/,
    ],
    [
      'a sum of times',
      aggregate({ kind: 'sum', field: '@eventTime' }),
      /sum names @eventTime, which no schema/,
    ],
    ['a mean of no field', aggregate({ kind: 'mean', field: 'cost' }), /it: mean names cost/],
    [
      'half a decimal',
      aggregate({ kind: 'sum', field: 'price', decimals: 0.5 }),
      /decimals must be .* 0 to 12/,
    ],
    ['a share of everything', aggregate({ kind: 'share', where: [] }), /share of everything/],
    [
      'too many registers',
      aggregate({ kind: 'distinct', field: 'kind', precision: 20 }),
      /precision .* 8 to 16, got 20/,
    ],
    [
      'more than it holds',
      aggregate({ kind: 'top', field: 'kind', k: 20, capacity: 10 }),
      /k .* from 1 to 10/,
    ],
    ['a rank beyond 1', aggregate({ kind: 'quantile', field: 'price', at: [50] }), /ranks from 0 to 1/],
    [
      'a perfect sketch',
      aggregate({ kind: 'quantile', field: 'price', at: [0.5], accuracy: 0 }),
      /accuracy must be/,
    ],
    [
      'bounds out of order',
      aggregate({ kind: 'histogram', field: 'price', bounds: [1, 1] }),
      /ascending order/,
    ],
    ['a kind there is not', aggregate({ kind: 'median', field: 'price' }), /unknown kind "median"/],
  ])('with %s is refused', (_, view, message) => {
    expect(() => define(view)).toThrow(message)
  })

  it('may not be called records, nor anything odd', () => {
    expect(() => define(GOOD, 'records')).toThrow(/every stream has the view records/)
    expect(() => define(GOOD, 'by kind')).toThrow(/bad view name "by kind"/)
  })
})
