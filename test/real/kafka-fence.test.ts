import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { onServer } from './on-server.ts'

/** Rule 12 of docs/exactness.md: a collector that was started again, while the one before it still lives. */
onServer('kafka', ({ endpoint }) => {
  const logs: KafkaLog[] = []
  const open = (): KafkaLog => {
    const log = new KafkaLog({
      brokers: [endpoint],
      clientId: 'weir-test',
      requestTimeoutMs: 5000,
      compression: 'none',
    })
    logs.push(log)
    return log
  }
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })
  const one = (text: string) => recordBatch([{ value: Buffer.from(text) }])

  /** What holds on every log is in test/contracts/event-log.ts; this is Kafka's own. */
  describe('fencing', () => {
    it('leaves plain appends alone', async () => {
      const [log, plain] = [open(), open()]
      const topic = `fence-${randomUUID()}`
      await log.createTopic(topic, 1)
      const fenced = await log.fence('one', topic)
      await Promise.all([fenced.append(0, one('a')), plain.append(topic, 0, one('b'))])
      expect((await valuesOf(plain, topic, 0)).toSorted()).toEqual(['a', 'b'])
    })

    it('ends with its first failure', async () => {
      const [old, young] = [open(), open()]
      const topic = `fence-${randomUUID()}`
      await old.createTopic(topic, 2)
      const before = await old.fence('one', topic)
      await young.fence('one', topic)
      await expect(before.append(0, one('zombie'))).rejects.toMatchObject({ code: 'LOCKED' })
      await expect(before.append(1, one('zombie'))).rejects.toMatchObject({ code: 'CLOSED', curable: true })
    })

    it('leaves gaps that reading goes around, also at the end of the log', async () => {
      const log = open()
      const topic = `fence-${randomUUID()}`
      await log.createTopic(topic, 1)
      await (await log.fence('gaps', topic)).append(0, one('a'))
      await log.fence('gaps', topic)
      await log.fence('gaps', topic)
      const { end } = await log.offsets(topic, 0)
      expect(end).toBe(4)
      expect(await valuesOf(log, topic, 0)).toEqual(['a'])
      const [last] = await log.read(topic, 0, 2, 1000)
      expect(last?.baseOffset).toBe(end)
      expect(last?.records.count).toBe(0)
      expect(await log.read(topic, 0, end, 1000)).toEqual([])
    })
  })
})

async function valuesOf(log: EventLog, topic: string, partition: number): Promise<string[]> {
  const values: string[] = []
  const { end } = await log.offsets(topic, partition)
  for (let at = 0; at < end; ) {
    const batches = await log.read(topic, partition, at, 100_000)
    for (const { records } of batches)
      for (const { value } of records) values.push(Buffer.from(value).toString())
    const last = batches.at(-1)
    at = last === undefined ? end : last.baseOffset + last.records.count
  }
  return values
}
