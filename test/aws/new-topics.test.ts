import { afterEach, describe, expect, it } from 'vitest'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import {
  FakeBroker,
  type FakeTopic,
  TOPIC_ALREADY_EXISTS,
  UNKNOWN_TOPIC_OR_PARTITION,
} from './fake-broker.ts'

/** What is new reaches brokers one by one. Three brokers, of which the third is always the last to hear. */
let brokers: FakeBroker[]
let log: KafkaLog
afterEach(async () => {
  await log.close()
  await Promise.all(brokers.map((broker) => broker.stop()))
})

async function open(knows: (broker: number) => FakeTopic | undefined): Promise<void> {
  brokers = [1, 2, 3].map((id) => new FakeBroker(undefined, id))
  const addresses = await Promise.all(brokers.map((broker) => broker.start()))
  for (const broker of brokers) {
    broker.cluster = brokers
    broker.knows = () => knows(broker.id)
  }
  log = new KafkaLog({ brokers: addresses, clientId: 'test', requestTimeoutMs: 60_000, compression: 'none' })
}

/** Which broker is asked first is left to chance: often enough, that it is each of them. */
const TIMES = 12

describe('a topic that brokers hear of one by one', () => {
  it('is made only once all of them name it, whichever is asked', async () => {
    let made = Infinity
    const lateMs = 120
    await open((id) =>
      Date.now() >= made + (id === 3 ? lateMs : 0) ? { partitions: 2, leader: 1 } : undefined,
    )
    for (const broker of brokers)
      broker.onAdmin = () => {
        made = Date.now()
        return 0
      }
    expect(await log.createTopic('t', 2)).toMatchObject({ name: 't', partitions: 2 })
    expect(Date.now() - made).toBeGreaterThanOrEqual(lateMs)
    for (let i = 0; i < TIMES; i++) expect((await log.offsets('t', 1)).end).toBe(7)
  })

  it('is waited for where another process made it, and where its leader has not heard of it', async () => {
    let made = false
    let refused = 0
    await open(() => (made ? { partitions: 1, leader: 2 } : undefined))
    for (const broker of brokers) {
      broker.onAdmin = () => {
        made = true
        return TOPIC_ALREADY_EXISTS
      }
      broker.onOffset = () => (++refused <= 3 ? UNKNOWN_TOPIC_OR_PARTITION : 0)
    }
    expect(await log.createTopic('t', 1)).toMatchObject({ partitions: 1 })
    expect(refused).toBeGreaterThan(3)
  })

  it('is waited for while a partition has no leader, and while ids differ', async () => {
    let asked = 0
    await open((id) => {
      asked++
      if (asked < 12) return { partitions: 1, leader: -1 }
      return { partitions: 1, leader: 1, id: id === 2 && asked < 30 ? 8 : 9 }
    })
    const { id } = await log.createTopic('t', 1)
    expect(id).toContain('09')
    expect(asked).toBeGreaterThanOrEqual(30)
  })

  it('is found by appends and reads as soon as one broker names it', async () => {
    for (let i = 0; i < TIMES; i++) {
      await open((id) => (id === 2 ? { partitions: 1, leader: 2 } : undefined))
      expect((await log.append('t', 0, recordBatch([{ value: Buffer.from('x') }]))).baseOffset).toBe(5)
      expect((await log.describeTopic('t'))?.partitions).toBe(1)
      await log.close()
      await Promise.all(brokers.map((broker) => broker.stop()))
    }
    await open(() => undefined)
  })

  it('has each partition that any of them names', async () => {
    for (let i = 0; i < TIMES; i++) {
      await open((id) => ({ partitions: id === 1 ? 3 : 2, leader: 1 }))
      expect((await log.offsets('t', 2)).end).toBe(7)
      await log.close()
      await Promise.all(brokers.map((broker) => broker.stop()))
    }
    await open(() => undefined)
  })

  it('is not there when all that answer say so, also beside one that is silent', async () => {
    await open(() => undefined)
    const [silent] = brokers
    await silent?.stop()
    const missing = { code: 'NO_SUCH_TOPIC', curable: false }
    expect(await log.describeTopic('t')).toBeUndefined()
    await expect(log.offsets('t', 0)).rejects.toMatchObject(missing)
    await expect(log.append('t', 0, recordBatch([{ value: Buffer.from('x') }]))).rejects.toMatchObject(
      missing,
    )
  })

  it('grows only once all of them name each partition', async () => {
    let grown = Infinity
    await open((id) => ({ partitions: Date.now() >= grown + (id === 3 ? 100 : 0) ? 4 : 2, leader: 1 }))
    for (const broker of brokers)
      broker.onAdmin = () => {
        grown = Date.now()
        return 0
      }
    await log.addPartitions('t', 4)
    expect(Date.now() - grown).toBeGreaterThanOrEqual(100)
    for (let i = 0; i < TIMES; i++) expect((await log.describeTopic('t'))?.partitions).toBe(4)
  })
})
