import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { PortError } from '../../lib/ports/errors.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { onServer } from './on-server.ts'
import { type RunningKafka, startKafka } from './servers/kafka.ts'

/** Three brokers, every topic on all of them, two of them needed for an append. */
onServer('kafka', () => {
  let kafka: RunningKafka
  let log: KafkaLog
  beforeAll(async () => {
    kafka = await startKafka({ brokers: 3 })
    log = new KafkaLog({
      brokers: kafka.endpoint.split(','),
      clientId: 'weir-test',
      requestTimeoutMs: 3000,
      compression: 'zstd',
    })
  })
  afterAll(async () => {
    await log?.close()
    await kafka?.stop()
  })

  /** Tries as attempts do: what failed is tried anew, never within the same attempt. */
  const appendUntilDone = async (topic: string, partition: number, value: string): Promise<number> => {
    for (let tries = 1; ; tries++) {
      try {
        await log.append(topic, partition, recordBatch([{ value: Buffer.from(value) }]))
        return tries
      } catch (error) {
        if (!(error instanceof PortError && error.curable) || tries > 100) throw error
        await sleep(200)
      }
    }
  }

  const valuesOf = async (topic: string, partition: number): Promise<string[]> => {
    const { end } = await log.offsets(topic, partition)
    const values: string[] = []
    while (values.length < end)
      for (const { records } of await log.read(topic, partition, values.length, 100_000))
        for (const { value } of records) values.push(Buffer.from(value).toString())
    return values
  }

  describe('a cluster of three', () => {
    it('keeps what was acknowledged, in order, over the crash and return of each broker', async () => {
      const topic = `cluster-${randomUUID()}`
      await log.createTopic(topic, 3)
      let next = 0
      const step = async (): Promise<void> => {
        for (let partition = 0; partition < 3; partition++) await appendUntilDone(topic, partition, `${next}`)
        next++
      }
      await step()
      for (const { process } of kafka.brokers) {
        await process.stop('SIGKILL')
        for (let i = 0; i < 3; i++) await step()
        await process.start()
        for (let i = 0; i < 3; i++) await step()
      }
      for (let partition = 0; partition < 3; partition++) {
        const values = await valuesOf(topic, partition)
        // A try that timed out may have landed too: the same value twice, never another order, never a hole.
        expect([...new Set(values)]).toEqual(Array.from({ length: next }, (_, i) => `${i}`))
        expect(values).toEqual(values.toSorted((a, b) => Number(a) - Number(b)))
      }
    })

    it('takes nothing while too few brokers hold a copy', async () => {
      const topic = `cluster-${randomUUID()}`
      await log.createTopic(topic, 1)
      const [one, two] = kafka.brokers
      await appendUntilDone(topic, 0, 'before')
      one?.process.signal('SIGSTOP')
      two?.process.signal('SIGSTOP')
      await expect(
        log.append(topic, 0, recordBatch([{ value: Buffer.from('alone') }])),
      ).rejects.toMatchObject({
        name: 'PortError',
        curable: true,
      })
      one?.process.signal('SIGCONT')
      two?.process.signal('SIGCONT')
      await appendUntilDone(topic, 0, 'after')
      const values = await valuesOf(topic, 0)
      expect(values[0]).toBe('before')
      expect(values.at(-1)).toBe('after')
    })
  })
})
