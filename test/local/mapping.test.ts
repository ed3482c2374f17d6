import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EncodedBatches } from '../../lib/local/encoded-batches.ts'
import { FileLog } from '../../lib/local/file-log.ts'
import { EVENT_BYTES_MAX } from '../../lib/local/kafka-event-text.ts'
import { deliveredUpTo, Mapping, type MappingOptions } from '../../lib/local/mapping.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { KafkaEvent } from '../../lib/speed/kafka-event.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'

const TOPIC = 'network.raw.g1'

describe('a mapping', () => {
  let dir: string
  let log: FileLog
  let keyed: SqliteStore
  let mapping: Mapping | undefined

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-mapping-'))
    log = await FileLog.open({ dir: join(dir, 'log'), clock: systemClock })
    keyed = await SqliteStore.open(join(dir, 'state.db'))
    await log.createTopic(TOPIC, 2)
  })

  afterEach(async () => {
    await mapping?.stop()
    mapping = undefined
    await log.close()
    await keyed.close()
    await rm(dir, { recursive: true })
  })

  const append = (partition: number, values: readonly string[]) =>
    log.append(TOPIC, partition, recordBatch(values.map((value) => ({ value: Buffer.from(value) }))))

  /** Starts a mapping whose function is `handle`. */
  async function start(
    handle: (event: KafkaEvent) => Promise<unknown>,
    options: Partial<MappingOptions> = {},
    environments = 1,
  ): Promise<Mapping> {
    const environment = {
      invoke: (event: readonly Buffer[]) => handle(JSON.parse(Buffer.concat(event).toString()) as KafkaEvent),
    }
    const workers = Array.from({ length: environments }, () => environment)
    const base = { name: 'test', topic: TOPIC, partitions: 2, workers, batchRecordsMax: 100, windowMs: 0 }
    mapping = await Mapping.open({
      ...base,
      log,
      batches: new EncodedBatches(log),
      keyed,
      clock: systemClock,
      ...options,
    })
    mapping.start()
    return mapping
  }

  const drained = (one: Mapping) => expect.poll(() => one.lag).toBe(0)

  const valuesOf = (event: KafkaEvent, partition: number) =>
    (event.records[`${TOPIC}-${partition}`] ?? []).map(({ offset, value }) => [
      offset,
      Buffer.from(value ?? '', 'base64').toString(),
    ])

  it('delivers the event that Lambda does', async () => {
    await append(1, ['héllo'])
    const events: KafkaEvent[] = []
    await drained(
      await start(async (event) => {
        events.push(event)
        return undefined
      }),
    )
    expect(events).toEqual([
      expect.objectContaining({
        eventSource: 'aws:kafka',
        records: {
          [`${TOPIC}-1`]: [
            {
              topic: TOPIC,
              partition: 1,
              offset: 0,
              timestamp: expect.any(Number),
              timestampType: 'LOG_APPEND_TIME',
              key: null,
              value: Buffer.from('héllo').toString('base64'),
              headers: [],
            },
          ],
        },
      }),
    ])
  })

  it('goes on where its offsets say after a restart, and delivers again what was not answered for', async () => {
    await append(0, ['a', 'b'])
    await drained(await start(async () => undefined))
    await mapping?.stop()
    expect(await deliveredUpTo(keyed, 'test', TOPIC, 0)).toBe(2)
    await append(0, ['c'])
    const seen: unknown[] = []
    await drained(
      await start(async (event) => {
        seen.push(...valuesOf(event, 0))
        return undefined
      }),
    )
    expect(seen).toEqual([[2, 'c']])
  })

  it('delivers from the failed record on, partition by partition, after a partial answer', async () => {
    await append(0, ['a0', 'a1', 'a2'])
    await append(1, ['b0'])
    const seen: unknown[][] = []
    let first = true
    await drained(
      await start(async (event) => {
        seen.push([
          valuesOf(event, 0).map(([offset]) => offset),
          valuesOf(event, 1).map(([offset]) => offset),
        ])
        if (!first) return { batchItemFailures: [] }
        first = false
        return { batchItemFailures: [{ itemIdentifier: { partition: `${TOPIC}-0`, offset: 1 } }] }
      }),
    )
    expect(seen).toEqual([
      [[0, 1, 2], [0]],
      [[1, 2], []],
    ])
  })

  it('never skips: a batch that throws is halved and comes again for ever', async () => {
    await append(0, ['ok0', 'ok1', 'ok2', 'poison', 'ok4'])
    const done: number[] = []
    const sizes: number[] = []
    let poisonous = 6
    await drained(
      await start(async (event) => {
        const batch = valuesOf(event, 0)
        sizes.push(batch.length)
        if (batch.some(([, value]) => value === 'poison') && poisonous-- > 0) throw new Error('cannot')
        done.push(...batch.map(([offset]) => Number(offset)))
        return undefined
      }),
    )
    expect(done).toEqual([0, 1, 2, 3, 4])
    expect(sizes.slice(0, 3)).toEqual([5, 3, 2])
    expect(sizes.filter((size) => size === 1).length).toBeGreaterThan(1)
  })

  it('delivers everything again after an answer that names what was not delivered', async () => {
    await append(0, ['a', 'b'])
    const errors: (string | undefined)[] = []
    const seen: number[] = []
    const wrong = [
      { partition: `${TOPIC}-0`, offset: 2 },
      { partition: `${TOPIC}-1`, offset: 0 },
      { partition: TOPIC, offset: 0 },
    ]
    await drained(
      await start(
        async (event) => {
          seen.push(...valuesOf(event, 0).map(([offset]) => Number(offset)))
          const itemIdentifier = wrong.shift()
          return itemIdentifier && { batchItemFailures: [{ itemIdentifier }] }
        },
        { onDelivery: ({ error }) => error && errors.push(error) },
      ),
    )
    // Whole, then in halves, and nothing passed over.
    expect(seen).toEqual([0, 1, 0, 0, 0, 1])
    expect(errors).toHaveLength(3)
    expect(errors[0]).toContain('which was not delivered')
  })

  it('delivers as many as before after a log that could not be read, and says so', async () => {
    await append(0, ['a', 'b', 'c', 'd'])
    let unreadable = 3
    const read: FileLog['read'] = async (...args) => {
      if (unreadable-- > 0) throw new Error('disk trouble')
      return log.read(...args)
    }
    const sizes: number[] = []
    const errors: (string | undefined)[] = []
    await drained(
      await start(async (event) => void sizes.push(valuesOf(event, 0).length), {
        batches: new EncodedBatches({ read }),
        onDelivery: ({ error }) => error && errors.push(error),
      }),
    )
    expect(sizes).toEqual([4])
    expect(errors).toEqual(['disk trouble', 'disk trouble', 'disk trouble'])
  })

  it('never runs two invocations on one partition', async () => {
    for (let i = 0; i < 40; i++) await append(i % 2, [`${i}`])
    const busy = new Set<string>()
    let overlaps = 0
    let together = 0
    await drained(
      await start(
        async (event) => {
          const names = Object.keys(event.records)
          if (names.some((name) => busy.has(name))) overlaps++
          for (const name of names) busy.add(name)
          together = Math.max(together, busy.size)
          await systemClock.sleep(3)
          for (const name of names) busy.delete(name)
          return undefined
        },
        { batchRecordsMax: 3 },
        3,
      ),
    )
    expect(overlaps).toBe(0)
    expect(together).toBe(2)
  })

  it('keeps to the limits of an event, but delivers a record that is larger than the limit alone', async () => {
    const big = 'x'.repeat(900_000)
    for (let i = 0; i < 12; i++) await append(0, [big])
    const sizes: number[] = []
    await drained(
      await start(async (event) => {
        sizes.push(JSON.stringify(event).length)
        return undefined
      }),
    )
    expect(Math.max(...sizes)).toBeLessThan(EVENT_BYTES_MAX + 1000)
    expect(sizes.length).toBeGreaterThan(2)
  })

  it('waits for its window, and not when it is flushed', async () => {
    let calls = 0
    const one = await start(
      async () => {
        calls++
        return undefined
      },
      { windowMs: 60_000 },
    )
    await append(0, ['a'])
    one.noteEnd(0, 1)
    await systemClock.sleep(100)
    expect(calls).toBe(0)
    one.flushing = true
    await drained(one)
    expect(calls).toBe(1)
  })
})
