import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { Deadline } from '../../lib/aws/deadline.ts'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { FakeBroker, type Produced, type Reply } from './fake-broker.ts'

/** Rule 2 of docs/exactness.md, attacked on a broker that does as it is told. */
let broker: FakeBroker
let log: KafkaLog
afterEach(async () => {
  await log.close()
  await broker.stop()
})

/** Long enough that a process which waits for its turn is not taken for a broker that is silent. */
const PATIENT_MS = 60_000

interface Client {
  readonly deadline?: Deadline
  readonly requestTimeoutMs?: number
}

async function open(
  reply?: (request: Produced, nth: number) => Reply,
  { deadline, requestTimeoutMs = PATIENT_MS }: Client = {},
): Promise<void> {
  broker = new FakeBroker(reply)
  const address = await broker.start()
  log = new KafkaLog({
    brokers: [address],
    clientId: 'test',
    requestTimeoutMs,
    compression: 'none',
    deadline,
  })
}

const one = (text: string) => recordBatch([{ value: Buffer.from(text) }])

describe('appending to Kafka', () => {
  it('has one request under way a partition, however many appends wait', async () => {
    await open(() => ({ error: 0, afterMs: 5 }))
    const appends = Array.from({ length: 30 }, (_, i) => log.append('t', i % 3, one(`${i}`)))
    await Promise.all(appends)
    expect(broker.produced).toHaveLength(30)
    expect(broker.overlaps).toBe(0)
  })

  it('sends the batches of a partition in the order of the calls', async () => {
    await open()
    const sizes = [50_000, 10, 200_000, 1]
    await Promise.all(sizes.map((size) => log.append('t', 0, recordBatch([{ value: Buffer.alloc(size) }]))))
    const sent = broker.produced.map(({ batch }) => batch.length)
    expect(sent.map((length, i) => length > (sizes[i] ?? 0) && length < (sizes[i] ?? 0) + 100)).toEqual(
      Array(4).fill(true),
    )
  })

  const failures: readonly (readonly [string, Reply, string])[] = [
    ['an error', { error: 6 }, 'UNAVAILABLE'],
    ['not enough replicas', { error: 20 }, 'UNAVAILABLE'],
    ['a timeout at the broker', { error: 7 }, 'TIMEOUT'],
    ['silence', 'hang', 'TIMEOUT'],
    ['a cut connection', 'cut', 'UNAVAILABLE'],
    ['a refusal', { error: 10 }, 'BATCH_TOO_LARGE'],
  ]

  it.each(failures)('never sends a batch again after %s, nor any behind it', async (_, reply, code) => {
    const requestTimeoutMs = reply === 'hang' ? 1000 : PATIENT_MS
    await open((__, nth) => (nth === 1 ? reply : { error: 0 }), { requestTimeoutMs })
    const results = await Promise.allSettled([0, 1, 2, 3].map((i) => log.append('t', 0, one(`${i}`))))
    await sleep(50)
    expect(broker.produced).toHaveLength(2)
    expect(results[0]?.status).toBe('fulfilled')
    expect(results[1]).toMatchObject({ reason: { name: 'PortError', code } })
    for (const later of results.slice(2))
      expect(later).toMatchObject({ reason: { code: 'CLOSED', curable: true } })
  })

  it('sends nothing more to other partitions either', async () => {
    await open((request) => (request.partition === 0 ? { error: 6 } : { error: 0, afterMs: 30 }))
    const other = [log.append('t', 1, one('under way')), log.append('t', 1, one('waiting'))]
    const failing = log.append('t', 0, one('fails'))
    const results = await Promise.allSettled([failing, ...other])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    expect(results[2]).toMatchObject({ reason: { code: 'CLOSED' } })
    expect(broker.produced).toHaveLength(2)
  })

  it('begins the next attempt on a connection of its own, and closes the old', async () => {
    await open((_, nth) => ({ error: nth === 0 ? 19 : 0 }))
    await expect(log.append('t', 0, one('a'))).rejects.toMatchObject({ code: 'UNAVAILABLE', curable: true })
    await log.append('t', 0, one('a'))
    expect(broker.produced[1]?.connection).not.toBe(broker.produced[0]?.connection)
    // One for metadata, one for the new producer.
    await expect.poll(() => broker.open).toBe(2)
  })

  it('sends nothing when less than two seconds and a little are left', async () => {
    const deadline = new Deadline(Date.now() + 2100)
    await open(undefined, { deadline })
    await expect(log.append('t', 0, one('a'))).rejects.toMatchObject({ code: 'TIMEOUT', curable: true })
    expect(broker.produced).toHaveLength(0)
    deadline.renew(Date.now() + 60_000)
    await log.append('t', 0, one('a'))
    expect(broker.produced).toHaveLength(1)
  })

  it('gives a request no longer than until two seconds before the deadline', async () => {
    // Its own time would not be over before this test is given up.
    await open(() => 'hang', { deadline: new Deadline(Date.now() + 4000), requestTimeoutMs: 600_000 })
    await expect(log.append('t', 0, one('a'))).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(broker.produced).toHaveLength(1)
  })

  it('opens nothing before its first use', async () => {
    await open()
    expect(broker.connections).toBe(0)
  })
})
