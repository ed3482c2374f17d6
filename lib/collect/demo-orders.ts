import { seededRandom } from '../stream/random.ts'
import { Draw } from './demo-connection.ts'
import type { DemoRecord, DemoStreamOptions } from './demo-record.ts'

const RATE_PER_S = 0.7

/** Buyers between 18 and 49 dominate and 30 to 34 lead, as in the shop of the paper that counts orders by age and gender. */
const AGES = [
  { from: 10, to: 14, weight: 1 },
  { from: 15, to: 17, weight: 3 },
  { from: 18, to: 24, weight: 17 },
  { from: 25, to: 29, weight: 20 },
  { from: 30, to: 34, weight: 24 },
  { from: 35, to: 39, weight: 15 },
  { from: 40, to: 49, weight: 13 },
  { from: 50, to: 79, weight: 7 },
]

const CATEGORIES = [
  { name: 'Clothing', price: 38, weight: 30 },
  { name: 'Groceries', price: 22, weight: 24 },
  { name: 'Cosmetics', price: 17, weight: 15 },
  { name: 'Toys', price: 19, weight: 10 },
  { name: 'Books', price: 14, weight: 9 },
  { name: 'Shoes', price: 64, weight: 7 },
  { name: 'Electronics', price: 210, weight: 5 },
]

const WOMEN = 0.58
const PAYMENTS = ['card', 'card', 'card', 'transfer', 'cash'] as const

/** Orders of a shop, with the time they were made. */
export function* demoOrders({ seed, startMs, pastMs = 0 }: DemoStreamOptions): Generator<DemoRecord, never> {
  const draw = new Draw(seededRandom(seed))
  for (let atMs = -pastMs, number = 1; ; atMs += draw.gapMs(RATE_PER_S), number++) {
    const { from, to } = draw.weighted(AGES)
    const category = draw.weighted(CATEGORIES)
    const quantity = draw.weighted(QUANTITIES).pieces
    const order = {
      invoice_no: `D${String(number).padStart(7, '0')}`,
      customer_id: `C${draw.between(1, 4_000)}`,
      gender: draw.chance(WOMEN) ? 'Female' : 'Male',
      age: draw.between(from, to),
      category: category.name,
      quantity,
      price: (quantity * Math.max(99, draw.size(category.price * 100, 0.4))) / 100,
      payment_method: draw.of(PAYMENTS),
      invoice_date: new Date(startMs + atMs).toISOString(),
    }
    yield { line: JSON.stringify(order), atMs }
  }
}

const QUANTITIES = [
  { pieces: 1, weight: 60 },
  { pieces: 2, weight: 22 },
  { pieces: 3, weight: 11 },
  { pieces: 5, weight: 7 },
]
