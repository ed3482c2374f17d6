import { PortError } from '../ports/errors.ts'
import type { ConditionalPut, Item } from '../ports/keyed-store.ts'

/** DynamoDB's limits, kept here too, so that what passes on one machine passes when deployed. */
export const ITEM_BYTES_MAX = 390_000
const PK_BYTES_MAX = 2048
const SK_BYTES_MAX = 1024
const TRANSACT_PUTS_MAX = 100
const TRANSACT_BYTES_MAX = 4_000_000

export function checkKey(pk: string, sk: string): void {
  checkKeyPart('pk', pk, PK_BYTES_MAX)
  checkKeyPart('sk', sk, SK_BYTES_MAX)
}

function checkKeyPart(name: 'pk' | 'sk', text: string, bytesMax: number): void {
  const bytes = Buffer.byteLength(text)
  if (bytes >= 1 && bytes <= bytesMax) return
  const message = `${name} of ${bytes} bytes, expected 1 to ${bytesMax}: ${JSON.stringify(text.slice(0, 80))}`
  throw new PortError('BAD_KEY', message, { curable: false })
}

export function checkItem({ pk, sk, data }: Item): void {
  checkKey(pk, sk)
  if (data.length <= ITEM_BYTES_MAX) return
  const message = `item ${pk} ${sk} has ${data.length} bytes, at most ${ITEM_BYTES_MAX}`
  throw new PortError('ITEM_TOO_LARGE', message, { curable: false })
}

export function checkPuts(puts: readonly ConditionalPut[]): void {
  for (const { item } of puts) checkItem(item)
  if (puts.length > TRANSACT_PUTS_MAX)
    throw new RangeError(`${puts.length} puts, at most ${TRANSACT_PUTS_MAX}`)
  const bytes = puts.reduce((sum, { item }) => sum + item.data.length, 0)
  if (bytes > TRANSACT_BYTES_MAX)
    throw new RangeError(`puts of ${bytes} bytes, at most ${TRANSACT_BYTES_MAX}`)
  const keys = new Set(puts.map(({ item }) => `${item.pk}\u0000${item.sk}`))
  if (keys.size < puts.length) throw new RangeError('two puts for the same key')
}
