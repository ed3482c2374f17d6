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

  describe('fencing', () => {
    it('keeps the process before from landing anything, in every partition', async () => {
      const [old, young] = [open(), open()]
      const topic = `fence-${randomUUID()}`
      await old.createTopic(topic, 3)
      await old.fence('collector', topic)
      for (const partition of [0, 1, 1]) await old.append(topic, partition, one('old'))
      await young.fence('collector', topic)
      const before = await young.offsets(topic, 1)
      for (const partition of [0, 1, 2])
        await expect(old.append(topic, partition, one('zombie'))).rejects.toMatchObject(
          partition === 0 ? { code: 'LOCKED', curable: false } : { code: 'CLOSED' },
        )
      expect(await young.offsets(topic, 1)).toEqual(before)
      await young.append(topic, 1, one('young'))
      expect(await valuesOf(young, topic, 1)).toEqual(['old', 'old', 'young'])
    })

    it('holds off what was never written through a fence by the same process', async () => {
      const [first, second] = [open(), open()]
      const topic = `fence-${randomUUID()}`
      await first.createTopic(topic, 2)
      await first.fence('idle', topic)
      await second.fence('idle', topic)
      await expect(first.append(topic, 1, one('zombie'))).rejects.toMatchObject({ code: 'LOCKED' })
    })

    it('leaves other names and plain appends alone', async () => {
      const [one1, other, plain] = [open(), open(), open()]
      const topic = `fence-${randomUUID()}`
      await one1.createTopic(topic, 1)
      await one1.fence('one', topic)
      await other.fence('other', topic)
      await Promise.all([one1.append(topic, 0, one('a')), other.append(topic, 0, one('b'))])
      await plain.append(topic, 0, one('c'))
      expect((await valuesOf(plain, topic, 0)).toSorted()).toEqual(['a', 'b', 'c'])
    })

    it('takes many batches one after the other, and fences itself anew when asked to', async () => {
      const log = open()
      const topic = `fence-${randomUUID()}`
      await log.createTopic(topic, 1)
      for (let round = 0; round < 3; round++) {
        await log.fence('self', topic)
        await Promise.all(Array.from({ length: 20 }, (_, i) => log.append(topic, 0, one(`${round}.${i}`))))
      }
      const values = await valuesOf(log, topic, 0)
      expect(values).toHaveLength(60)
      expect(values).toEqual(values.toSorted((a, b) => Number(a.split('.')[0]) - Number(b.split('.')[0])))
    })

    it('leaves gaps that reading goes around, also at the end of the log', async () => {
      const log = open()
      const topic = `fence-${randomUUID()}`
      await log.createTopic(topic, 1)
      await log.fence('gaps', topic)
      await log.append(topic, 0, one('a'))
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
