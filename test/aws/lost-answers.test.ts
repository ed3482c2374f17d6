import { crc32 } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { DynamoStore } from '../../lib/aws/dynamo-store.ts'
import { S3Store } from '../../lib/aws/s3-store.ts'
import { type Answer, type Asked, FakeService, TEST_KEYS } from './fake-service.ts'

/** Writes whose answer is lost: the next try finds its own success, and must not take it for someone else's. */
let service: FakeService
afterEach(() => service.stop())

async function dynamo(reply: (asked: Asked, nth: number) => Answer | 'cut'): Promise<DynamoStore> {
  service = await new FakeService(reply).start()
  const { endpoint } = service
  return new DynamoStore({
    endpoint,
    table: 't',
    region: 'r',
    credentials: async () => TEST_KEYS,
    timeoutMs: 60_000,
  })
}

async function s3(reply: (asked: Asked, nth: number) => Answer | 'cut'): Promise<S3Store> {
  service = await new FakeService(reply).start()
  const { endpoint } = service
  return new S3Store({
    endpoint,
    bucket: 'b',
    region: 'r',
    credentials: async () => TEST_KEYS,
    timeoutMs: 60_000,
  })
}

const ITEM = { pk: 'p', sk: 's', rev: '7', data: Buffer.from('mine') }

function conditionFailed(rev: string, data: string): Answer {
  const Item = {
    pk: { S: 'p' },
    sk: { S: 's' },
    rev: { S: rev },
    data: { B: Buffer.from(data).toString('base64') },
  }
  const __type = 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException'
  return { status: 400, body: JSON.stringify({ __type, message: 'The conditional request failed', Item }) }
}

describe('DynamoStore', () => {
  it('takes its own item for success when the answer before was lost', async () => {
    const store = await dynamo((_, nth) => (nth === 0 ? 'cut' : conditionFailed('7', 'mine')))
    expect(await store.put(ITEM, { rev: '6' })).toEqual({ ok: true })
  })

  it('does not where another wrote, or where no answer was lost', async () => {
    const other = await dynamo((_, nth) => (nth === 0 ? 'cut' : conditionFailed('8', 'theirs')))
    expect(await other.put(ITEM, { rev: '6' })).toMatchObject({ ok: false, current: { rev: '8' } })
    await service.stop()
    const first = await dynamo(() => conditionFailed('7', 'mine'))
    expect(await first.put(ITEM, { rev: '6' })).toMatchObject({ ok: false, current: { rev: '7' } })
  })

  it('sends a transaction again under the same token', async () => {
    const store = await dynamo((_, nth) => (nth === 0 ? 'cut' : { status: 200, body: '{}' }))
    expect(await store.transact([{ item: ITEM, condition: 'absent' }])).toEqual({ ok: true })
    const tokens = service.asked.map(({ body }) => JSON.parse(body).ClientRequestToken)
    expect(tokens).toHaveLength(2)
    expect(tokens[0]).toBe(tokens[1])
  })

  it('waits for a transaction that collides with another', async () => {
    const collision = {
      __type: 'x#TransactionCanceledException',
      CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }],
    }
    const store = await dynamo((_, nth) =>
      nth === 0 ? { status: 400, body: JSON.stringify(collision) } : { status: 200, body: '{}' },
    )
    expect(await store.transact([{ item: ITEM, condition: 'any' }])).toEqual({ ok: true })
  })

  it('asks again where the checksum does not fit the answer', async () => {
    const body = JSON.stringify({
      Item: { pk: { S: 'p' }, sk: { S: 's' }, rev: { S: '1' }, data: { B: '' } },
    })
    const good = String(crc32(body))
    const store = await dynamo((_, nth) => ({
      status: 200,
      body,
      headers: { 'x-amz-crc32': nth === 0 ? '1' : good },
    }))
    expect(await store.get('p', 's')).toMatchObject({ rev: '1' })
    expect(service.asked).toHaveLength(2)
  })
})

describe('S3Store', () => {
  it('takes its own object for success when the answer before was lost', async () => {
    const store = await s3(({ method }, nth) => {
      if (nth === 0) return 'cut'
      return method === 'PUT' ? { status: 412 } : { status: 200, body: 'mine', headers: { etag: '"e"' } }
    })
    expect(await store.put('k', Buffer.from('mine'), 'absent')).toEqual({ ok: true, etag: '"e"' })
  })

  it("does not take another's for its own", async () => {
    const store = await s3(({ method }, nth) => {
      if (nth === 0) return 'cut'
      return method === 'PUT' ? { status: 412 } : { status: 200, body: 'theirs', headers: { etag: '"e"' } }
    })
    expect(await store.put('k', Buffer.from('mine'), 'absent')).toEqual({ ok: false })
  })

  it('tries again where two conditional writes met, and where S3 is busy', async () => {
    const answers: Answer[] = [
      { status: 409, body: '<Error><Code>ConditionalRequestConflict</Code></Error>' },
      { status: 503, body: '<Error><Code>SlowDown</Code></Error>' },
      { status: 200, headers: { etag: '"e"' } },
    ]
    const store = await s3((_, nth) => answers[nth] ?? { status: 500 })
    expect(await store.put('k', Buffer.from('mine'), { etag: '"d"' })).toEqual({ ok: true, etag: '"e"' })
  })

  it('does not take a missing bucket for a missing object', async () => {
    const store = await s3(() => ({ status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' }))
    await expect(store.get('k')).rejects.toMatchObject({ code: 'MISCONFIGURED' })
    await expect(store.put('k', Buffer.from('x'), { etag: '"d"' })).rejects.toMatchObject({
      code: 'MISCONFIGURED',
    })
  })
})
