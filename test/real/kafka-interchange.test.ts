import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import type { Compression } from '../../lib/aws/kafka/compression.ts'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { onServer } from './on-server.ts'
import { consoleConsumer, consoleProducer, topicCommand } from './servers/kafka-tools.ts'
import { until } from './until.ts'

/** Records to and from Kafka's own Java client, which is also what most producers and event source mappings are. */
onServer('kafka', ({ endpoint, jars }) => {
  const open = (compression: Compression = 'zstd'): KafkaLog =>
    new KafkaLog({ brokers: [endpoint], clientId: 'weir-test', requestTimeoutMs: 5000, compression })
  const log = open()
  afterAll(() => log.close())

  const lines = Array.from({ length: 500 }, (_, i) => `key${i}:value ${i} ${'again and '.repeat(i % 40)}`)

  describe('records of the Java client', () => {
    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('are read, compressed by %s', async (compression) => {
      const topic = `java-${randomUUID()}`
      await log.createTopic(topic, 1)
      await consoleProducer(jars, endpoint, topic, compression, lines)
      const read = []
      for (const { end } = await log.offsets(topic, 0); read.length < end; )
        for (const { records } of await log.read(topic, 0, read.length, 1_000_000))
          for (const { key, value } of records) read.push(`${Buffer.from(key ?? [])}:${Buffer.from(value)}`)
      expect(read).toEqual(lines)
    })
  })

  describe('records of Weir', () => {
    it.each(['none', 'gzip', 'zstd'] as const)(
      'are read by the Java client, compressed by %s',
      async (compression) => {
        const topic = `weir-${randomUUID()}`
        const own = open(compression)
        await own.createTopic(topic, 1)
        const records = lines.map((line) => {
          const [key = '', value = ''] = line.split(':')
          return { key: Buffer.from(key), value: Buffer.from(value) }
        })
        await own.append(topic, 0, recordBatch(records))
        await own.close()
        expect(await consoleConsumer(jars, endpoint, topic, lines.length)).toEqual(lines)
      },
    )
  })

  describe('topics', () => {
    it('made again under the same name have another id', async () => {
      const topic = `again-${randomUUID()}`
      const first = await log.createTopic(topic, 2)
      await log.append(topic, 1, recordBatch([{ value: Buffer.from('old') }]))
      await topicCommand(jars, endpoint, ['--delete', '--topic', topic])
      await until('the topic is gone', async () => (await log.describeTopic(topic)) === undefined)
      const second = await log.createTopic(topic, 2)
      expect(second.id).not.toBe(first.id)
      expect(await log.offsets(topic, 1)).toEqual({ start: 0, end: 0 })
    })

    it("with the producer's time are refused, on the way in and on the way out", async () => {
      const topic = `created-${randomUUID()}`
      const config = ['--partitions', '1', '--config', 'message.timestamp.type=CreateTime']
      await topicCommand(jars, endpoint, ['--create', '--topic', topic, ...config])
      const misconfigured = { code: 'MISCONFIGURED', message: expect.stringContaining('LogAppendTime') }
      const batch = recordBatch([{ value: Buffer.from('x') }])
      await expect(log.append(topic, 0, batch)).rejects.toMatchObject(misconfigured)
      await expect(log.read(topic, 0, 0, 1000)).rejects.toMatchObject(misconfigured)
    })

    it('that were compacted are read around what is gone', async () => {
      const topic = `compacted-${randomUUID()}`
      const cleaning = ['cleanup.policy=compact', 'segment.bytes=1048576', 'min.cleanable.dirty.ratio=0.01']
      const configs = cleaning.flatMap((config) => ['--config', config])
      await topicCommand(jars, endpoint, ['--create', '--topic', topic, '--partitions', '1', ...configs])
      const plain = open('none')
      for (let round = 0; round < 4; round++)
        for (const key of ['a', `only ${round}`])
          await plain.append(
            topic,
            0,
            recordBatch([{ key: Buffer.from(key), value: Buffer.alloc(400_000, round) }]),
          )
      const keys = async (): Promise<string[]> => {
        const found = []
        for (let at = 0; at < 8; ) {
          const read = await plain.read(topic, 0, at, 1)
          for (const { baseOffset, records } of read)
            for (const [i, { key }] of [...records].entries())
              if (baseOffset + i >= at) found.push(`${baseOffset + i} ${Buffer.from(key ?? [])}`)
          const last = read.at(-1)
          at = last === undefined ? 8 : last.baseOffset + last.records.count
        }
        return found
      }
      let found: string[] = []
      await until('the cleaner runs', async () => {
        found = await keys()
        return found.length < 8
      })
      await plain.close()
      expect(found.length).toBeLessThan(8)
      expect(found).toContain('1 only 0')
      expect(found.at(-1)).toBe('7 only 3')
    })
  })
})
