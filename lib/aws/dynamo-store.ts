import { randomUUID } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type {
  Condition,
  ConditionalPut,
  Item,
  KeyedStore,
  PutResult,
  QueryRange,
  TransactResult,
} from '../ports/keyed-store.ts'
import { callDynamo, type WireItem } from './dynamo-client.ts'
import { deleteExpression, fromWire, isExpired, keyOf, putExpression, toWire } from './dynamo-item.ts'
import { AwsClient, type AwsClientSettings } from './http/aws-client.ts'
import { DYNAMO_ITEM_BYTES_MAX } from './limits.ts'

const ITEM_BYTES_MAX = 409_600
const PK_BYTES_MAX = 2048
const SK_BYTES_MAX = 1024
const TRANSACTION_PUTS_MAX = 100

export interface DynamoSettings extends Omit<AwsClientSettings, 'service'> {
  readonly table: string
}

/** Items in one DynamoDB table with keys `pk` and `sk` (both S) and TTL on `expiresAtS`. */
export class DynamoStore implements KeyedStore {
  readonly maxItemBytes = DYNAMO_ITEM_BYTES_MAX
  readonly #client: AwsClient
  readonly #table: string

  constructor(settings: DynamoSettings) {
    this.#client = new AwsClient({ ...settings, service: 'dynamodb' })
    this.#table = settings.table
  }

  async get(pk: string, sk: string): Promise<Item | undefined> {
    checkKey(pk, sk)
    const input = { TableName: this.#table, Key: keyOf(pk, sk), ConsistentRead: true }
    const { body } = await callDynamo(this.#client, 'GetItem', input)
    return alive(body.Item)
  }

  async put(item: Item, condition: Condition): Promise<PutResult> {
    checkItem(item)
    const { failure, body, doubtful } = await callDynamo(this.#client, 'PutItem', {
      ...this.#putInput({ item, condition }, nowS()),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    })
    if (failure === undefined) return { ok: true }
    const current = alive(body.Item)
    // The condition may fail because an earlier try, whose answer was lost, has already written the item.
    if (doubtful && current !== undefined && isSame(current, item)) return { ok: true }
    return { ok: false, current }
  }

  async transact(puts: readonly ConditionalPut[]): Promise<TransactResult> {
    if (puts.length === 0) return { ok: true }
    checkTransaction(puts)
    const now = nowS()
    // The token makes a repeated try of a transaction that has happened succeed without happening again.
    const { failure, body } = await callDynamo(this.#client, 'TransactWriteItems', {
      ClientRequestToken: randomUUID(),
      TransactItems: puts.map((put) => ({ Put: this.#putInput(put, now) })),
    })
    if (failure === undefined) return { ok: true }
    const reasons = body.CancellationReasons ?? []
    return {
      ok: false,
      failed: reasons.flatMap(({ Code }, i) => (Code === 'ConditionalCheckFailed' ? [i] : [])),
    }
  }

  async *query(pk: string, range: QueryRange = {}): AsyncIterable<Item> {
    checkKey(pk, 'any')
    let left = range.limit ?? Infinity
    let start: WireItem | undefined
    const where = keyCondition(pk, range)
    while (where !== undefined && left > 0) {
      const { body } = await callDynamo(this.#client, 'Query', {
        TableName: this.#table,
        ConsistentRead: true,
        ScanIndexForward: !range.descending,
        ...where,
        ...(left === Infinity ? {} : { Limit: left + 1 }),
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      })
      for (const wire of body.Items ?? []) {
        const item = alive(wire)
        if (item === undefined || item.sk === range.to) continue
        yield item
        if (--left === 0) return
      }
      start = body.LastEvaluatedKey
      if (start === undefined) return
    }
  }

  async delete(pk: string, sk: string, condition: Condition): Promise<boolean> {
    checkKey(pk, sk)
    const { failure } = await callDynamo(this.#client, 'DeleteItem', {
      TableName: this.#table,
      Key: keyOf(pk, sk),
      ...deleteExpression(condition, nowS()),
    })
    return failure === undefined
  }

  async close(): Promise<void> {
    this.#client.close()
  }

  #putInput({ item, condition }: ConditionalPut, now: number): object {
    return { TableName: this.#table, Item: toWire(item), ...putExpression(condition, now) }
  }
}

/** `to` is exclusive and BETWEEN is not: the one item at `to` is left out above. Undefined where nothing can match. */
function keyCondition(pk: string, { from = '', to }: QueryRange): object | undefined {
  const values = { ':pk': { S: pk } }
  if (to !== undefined && Buffer.compare(Buffer.from(from), Buffer.from(to)) >= 0) return undefined
  if (to === undefined && from === '')
    return { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: values }
  const low = from === '' ? {} : { ':from': { S: from } }
  const high = to === undefined ? {} : { ':to': { S: to } }
  const sk = to === undefined ? 'sk >= :from' : from === '' ? 'sk < :to' : 'sk BETWEEN :from AND :to'
  return {
    KeyConditionExpression: `pk = :pk AND ${sk}`,
    ExpressionAttributeValues: { ...values, ...low, ...high },
  }
}

function alive(wire: WireItem | undefined): Item | undefined {
  if (wire === undefined) return undefined
  const item = fromWire(wire)
  return isExpired(item, nowS()) ? undefined : item
}

function isSame(a: Item, b: Item): boolean {
  return a.rev === b.rev && Buffer.compare(a.data, b.data) === 0
}

function nowS(): number {
  return Math.floor(Date.now() / 1000)
}

function checkKey(pk: string, sk: string): void {
  const fits = (text: string, max: number): boolean => text !== '' && Buffer.byteLength(text) <= max
  if (fits(pk, PK_BYTES_MAX) && fits(sk, SK_BYTES_MAX)) return
  const message = `a key has 1 to ${PK_BYTES_MAX} bytes of pk and 1 to ${SK_BYTES_MAX} of sk`
  throw new PortError('BAD_KEY', message, { curable: false })
}

function checkItem(item: Item): void {
  checkKey(item.pk, item.sk)
  const besidesBytes = Buffer.byteLength(item.pk + item.sk + item.rev) + 'pkskrevdataexpiresAtS'.length + 21
  if (item.data.length <= DYNAMO_ITEM_BYTES_MAX && item.data.length + besidesBytes <= ITEM_BYTES_MAX) return
  const message = `${item.pk} ${item.sk}: ${item.data.length} bytes of data, at most ${DYNAMO_ITEM_BYTES_MAX} fit`
  throw new PortError('ITEM_TOO_LARGE', message, { curable: false })
}

function checkTransaction(puts: readonly ConditionalPut[]): void {
  for (const { item } of puts) checkItem(item)
  const keys = new Set(puts.map(({ item }) => JSON.stringify([item.pk, item.sk])))
  if (puts.length <= TRANSACTION_PUTS_MAX && keys.size === puts.length) return
  throw new RangeError(`a transaction takes at most ${TRANSACTION_PUTS_MAX} puts, no two for one key`)
}
