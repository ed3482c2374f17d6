import { z } from 'zod'
import { json } from '../../lib/formats/json.ts'
import { defineStream } from '../../lib/stream/define.ts'

/** A small stream with a column of every kind and two views. */
export const testStream = defineStream({
  name: 'test',
  title: 'Test',
  description: 'Records of tests.',
  format: json(),
  schema: z.object({
    text: z.string(),
    number: z.number().optional(),
    integer: z.number().int().optional(),
    flag: z.boolean().optional(),
    list: z.array(z.string()).optional(),
  }),
  views: {
    byText: {
      title: 'By text',
      groupBy: ['text'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' }, sum: { kind: 'sum', field: 'integer' } },
    },
    byList: {
      title: 'By element of the list',
      groupBy: ['list'],
      slotMs: 60_000,
      aggregates: { count: { kind: 'count' }, most: { kind: 'max', field: 'number' } },
    },
  },
  partitions: 2,
})
