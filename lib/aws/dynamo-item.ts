import type { Condition, Item } from '../ports/keyed-store.ts'
import type { WireItem } from './dynamo-client.ts'

/** An item in the table: pk and sk, the caller's rev, its data, and the attribute the table's TTL looks at. */
export function toWire(item: Item): WireItem {
  return {
    ...keyOf(item.pk, item.sk),
    rev: { S: item.rev },
    data: { B: Buffer.from(item.data.buffer, item.data.byteOffset, item.data.byteLength).toString('base64') },
    ...(item.expiresAtS === undefined ? {} : { expiresAtS: { N: String(item.expiresAtS) } }),
  }
}

export function fromWire(wire: WireItem): Item {
  const expires = wire.expiresAtS?.N
  return {
    pk: wire.pk?.S ?? '',
    sk: wire.sk?.S ?? '',
    rev: wire.rev?.S ?? '',
    data: Buffer.from(wire.data?.B ?? '', 'base64'),
    ...(expires === undefined ? {} : { expiresAtS: Number(expires) }),
  }
}

export function keyOf(pk: string, sk: string): WireItem {
  return { pk: { S: pk }, sk: { S: sk } }
}

/** An item past its time stands in the table for up to two days: until then it counts as gone. */
export function isExpired(item: Item, nowS: number): boolean {
  return item.expiresAtS !== undefined && item.expiresAtS <= nowS
}

interface Expression {
  readonly ConditionExpression?: string
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>
  readonly ExpressionAttributeValues?: WireItem
}

const GONE = '(attribute_not_exists(pk) OR expiresAtS <= :now)'
const ALIVE = '(attribute_not_exists(expiresAtS) OR expiresAtS > :now)'

/** The condition under which an item may be written. */
export function putExpression(condition: Condition, nowS: number): Expression {
  if (condition === 'any') return {}
  const now = { ':now': { N: String(nowS) } }
  if (condition === 'absent') return { ConditionExpression: GONE, ExpressionAttributeValues: now }
  return {
    ConditionExpression: `rev = :rev AND ${ALIVE}`,
    ExpressionAttributeValues: { ...now, ':rev': { S: condition.rev } },
  }
}

/** The condition under which nothing stands after a delete. */
export function deleteExpression(condition: Condition, nowS: number): Expression {
  if (condition === 'any' || condition === 'absent') return putExpression(condition, nowS)
  return {
    ConditionExpression: `rev = :rev OR ${GONE}`,
    ExpressionAttributeValues: { ':now': { N: String(nowS) }, ':rev': { S: condition.rev } },
  }
}
