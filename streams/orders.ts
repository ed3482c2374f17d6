import { z } from 'zod'
import { csvOrJson } from '../lib/formats/csv-or-json.ts'
import { utcTime } from '../lib/formats/utc-time.ts'
import { defineStream } from '../lib/stream/define.ts'

/** Ends of the age bands, both included. Younger than ten and older than any person are bands of their own. */
const AGE_BANDS: readonly (readonly [name: string, to: number])[] = [
  ['0-9', 9],
  ['10-14', 14],
  ['15-17', 17],
  ['18-24', 24],
  ['25-29', 29],
  ['30-34', 34],
  ['35-39', 39],
  ['40-49', 49],
  ['50+', Number.POSITIVE_INFINITY],
]

const TOTALS = {
  count: { kind: 'count' },
  pieces: { kind: 'sum', field: 'quantity' },
  amount: { kind: 'sum', field: 'price', decimals: 2 },
} as const

/** One order. `price` is what it cost, all pieces together. */
const order = z.object({
  invoice_no: z.string().min(1).optional(),
  customer_id: z.string().min(1).optional(),
  gender: z.string().min(1),
  age: z.number().int().min(0).max(150),
  category: z.string().min(1),
  quantity: z.number().int().min(0),
  price: z.number().min(0),
  payment_method: z.string().optional(),
  /** `2024-03-31`, `2024-03-31T12:00:00Z` or `31/3/2024`; a day without a time is its beginning, UTC. */
  invoice_date: z.string().optional(),
  shopping_mall: z.string().optional(),
})

export const orders = defineStream({
  name: 'orders',
  title: 'Orders',
  description: "Orders with the buyer's age and gender, as CSV or JSON lines, counted live by both.",
  format: csvOrJson({
    header: [
      'invoice_no',
      'customer_id',
      'gender',
      'age',
      'category',
      'quantity',
      'price',
      'payment_method',
      'invoice_date',
      'shopping_mall',
    ],
  }),
  schema: order,
  time: ({ invoice_date }) => (invoice_date === undefined ? undefined : utcTime(invoice_date)),
  enrich: {
    schema: z.object({ age_band: z.string() }),
    add: ({ age }) => ({ age_band: AGE_BANDS.find(([, to]) => age <= to)?.[0] ?? '50+' }),
  },
  views: {
    byAgeBand: {
      title: 'Orders by age band',
      groupBy: ['age_band'],
      slotMs: 3_600_000,
      aggregates: TOTALS,
    },
    byGender: {
      title: 'Orders by gender',
      groupBy: ['gender'],
      slotMs: 3_600_000,
      aggregates: TOTALS,
    },
    byAgeBandGender: {
      title: 'Orders by age band and gender',
      groupBy: ['age_band', 'gender'],
      slotMs: 3_600_000,
      aggregates: { count: { kind: 'count' }, amount: { kind: 'sum', field: 'price', decimals: 2 } },
    },
    byCategory: {
      title: 'Orders by category',
      groupBy: ['category'],
      slotMs: 3_600_000,
      aggregates: { ...TOTALS, dearest: { kind: 'max', field: 'price' } },
    },
  },
  partitions: 4,
})
