import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { json } from '../../lib/formats/json.ts'
import type { DeliveredRecord, KafkaEvent } from '../../lib/speed/kafka-event.ts'
import { scoreHandler } from '../../lib/speed/score.ts'
import { defineStream } from '../../lib/stream/define.ts'
import type { Scorer } from '../../lib/stream/detector.ts'
import { type Entry, POINTER_HEADER, readEntry } from '../../lib/stream/entry.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { AMPLE, testPorts } from '../support/ports.ts'
import { Schedule, scheduled } from '../support/schedule.ts'

const RAW = 'shop.raw.g1'
const ENRICHED = 'shop.enriched.g1'

const shop = defineStream({
  name: 'shop',
  title: 'Shop',
  description: 'Orders of tests.',
  format: json(),
  schema: z.object({ price: z.number(), note: z.string().optional(), at: z.number().optional() }),
  time: ({ at }) => at,
  enrich: {
    schema: z.object({ double: z.number() }),
    add: ({ price }) => {
      if (price === 13) throw new RangeError('secret note 13')
      return { double: price * 2 }
    },
  },
  drop: [{ rule: 'free of charge', when: ({ price }) => price === 0 }],
  views: {},
  partitions: 2,
})

function record(
  offset: number,
  value: string | Buffer,
  more: Partial<DeliveredRecord> = {},
): DeliveredRecord {
  return {
    topic: RAW,
    partition: 0,
    offset,
    timestamp: 1_700_000_000_000 + offset,
    timestampType: 'LOG_APPEND_TIME',
    value: Buffer.from(value).toString('base64'),
    ...more,
  }
}

const event = (records: readonly DeliveredRecord[], partition = 0): KafkaEvent => ({
  eventSource: 'aws:kafka',
  records: { [`${RAW}-${partition}`]: records.map((one) => ({ ...one, partition })) },
})

async function world(log = new MemoryLog()) {
  await log.createTopic(RAW, 2)
  await log.createTopic(ENRICHED, 2)
  const objects = new MemoryObjects()
  return { log, objects, ports: testPorts({ log, objects }) }
}

const entries = (log: MemoryLog, partition = 0): Entry[] => log.texts(ENRICHED, partition).map(readEntry)

describe('score', () => {
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
  afterEach(() => void vi.restoreAllMocks())

  it('appends one entry per raw record: ok, drop or dead, in order', async () => {
    const { log, ports } = await world()
    const handler = scoreHandler(shop, ports, async () => undefined)
    const values = [
      '{"price":2,"at":5,"extra":"kept"}',
      'garbage',
      '{"price":"x"}',
      '{"price":0}',
      '{"price":13}',
    ]
    const answer = await handler(event(values.map((value, i) => record(i, value))), AMPLE)
    expect(answer).toEqual({ batchItemFailures: [] })
    const head = { site: 'here', topic: RAW, partition: 0 }
    const at = (offset: number) => ({ ...head, offset, appendTime: 1_700_000_000_000 + offset })
    const raw = (i: number) => Buffer.from(values[i] ?? '').toString('base64')
    expect(entries(log)).toEqual([
      { ...at(0), eventTime: 5, outcome: 'ok', value: { price: 2, at: 5, extra: 'kept', double: 4 } },
      {
        ...at(1),
        eventTime: at(1).appendTime,
        outcome: 'dead',
        stage: 'parse',
        reason: expect.any(String),
        raw: raw(1),
      },
      {
        ...at(2),
        eventTime: at(2).appendTime,
        outcome: 'dead',
        stage: 'validate',
        reason: expect.stringContaining('price'),
        raw: raw(2),
      },
      { ...at(3), eventTime: at(3).appendTime, outcome: 'drop', rule: 'free of charge', value: { price: 0 } },
      {
        ...at(4),
        eventTime: at(4).appendTime,
        outcome: 'dead',
        stage: 'enrich',
        reason: expect.stringContaining('RangeError'),
        raw: raw(4),
      },
    ])
    expect(JSON.stringify(entries(log))).not.toContain('secret')
  })

  it('stores score, threshold, model, severity and reasons of what the model says', async () => {
    const { log, ports } = await world()
    const reason = { feature: 'price', value: 9, share: 1, text: 'price 9 is far above the usual' }
    const scorer: Scorer = {
      version: 'm1',
      threshold: 0.5,
      scores: (values) => Float64Array.from(values, ({ price }) => Number(price) / 10 + 1e-9),
      severity: (score) => (score >= 0.5 ? 'high' : undefined),
      reasons: () => [reason],
    }
    const handler = scoreHandler(shop, ports, async () => scorer)
    await handler(event(['{"price":9}', 'bad', '{"price":1}'].map((value, i) => record(i, value))), AMPLE)
    const [alert, dead, calm] = entries(log)
    expect(alert).toMatchObject({
      score: 0.9,
      threshold: 0.5,
      model: 'm1',
      severity: 'high',
      reasons: [reason],
    })
    expect(dead).not.toHaveProperty('score')
    expect(calm).toMatchObject({ score: 0.1, threshold: 0.5, model: 'm1' })
    expect(calm).not.toHaveProperty('severity')
  })

  it('points to the bytes of records that are too large', async () => {
    const { log, objects, ports } = await world(new MemoryLog(200_000))
    const handler = scoreHandler(shop, ports, async () => undefined)
    const pointer = { key: 'large/shop/x', sizeBytes: 2_000_000, sha256: 'abc' }
    const wide = JSON.stringify({ price: 1, note: '\u0001'.repeat(50_000) })
    const broken = 'x'.repeat(100_000)
    const headers = [{ [POINTER_HEADER]: [1] }]
    const records = [record(0, JSON.stringify(pointer), { headers }), record(1, wide), record(2, broken)]
    expect(await handler(event(records), AMPLE)).toEqual({ batchItemFailures: [] })
    const [first, second, third] = entries(log)
    expect(first).toMatchObject({ outcome: 'dead', stage: 'size', raw: pointer })
    expect(second).toMatchObject({ outcome: 'dead', stage: 'size', raw: { sizeBytes: wide.length } })
    expect(third).toMatchObject({ outcome: 'dead', stage: 'parse', raw: { sizeBytes: broken.length } })
    for (const entry of [second, third]) {
      const key = entry?.outcome === 'dead' && typeof entry.raw === 'object' ? entry.raw.key : ''
      expect(await objects.get(key)).toBeDefined()
    }
  })

  it('does not believe a header that says pointer, and logs nothing of what the record holds', async () => {
    const { log, ports } = await world()
    const logged = vi.spyOn(console, 'error')
    const handler = scoreHandler(shop, ports, async () => undefined)
    const headers = [{ [POINTER_HEADER]: [1] }]
    const elsewhere = JSON.stringify({ key: 'master/shop/x', sizeBytes: 1, sha256: 'a' })
    const records = [
      record(0, 'secret 4111', { headers }),
      record(1, elsewhere, { headers }),
      record(2, '{"price":1}'),
    ]
    expect(await handler(event(records), AMPLE)).toEqual({ batchItemFailures: [] })
    expect(entries(log).map(({ outcome }) => outcome)).toEqual(['dead', 'dead', 'ok'])
    expect(JSON.stringify(logged.mock.calls)).not.toContain('secret')
  })

  it('makes a dead letter of the one record the model throws on, and scores the others', async () => {
    const { log, ports } = await world()
    const scorer: Scorer = {
      version: 'm1',
      threshold: 0.5,
      scores: (values) =>
        Float64Array.from(values, ({ price }) => {
          if (price === 7) throw new TypeError('secret 7')
          return 0.1
        }),
      severity: () => undefined,
      reasons: () => [],
    }
    const handler = scoreHandler(shop, ports, async () => scorer)
    const values = ['{"price":1}', '{"price":7}', '{"price":2}']
    await handler(event(values.map((value, i) => record(i, value))), AMPLE)
    expect(entries(log)).toMatchObject([
      { outcome: 'ok', score: 0.1 },
      {
        outcome: 'dead',
        stage: 'score',
        reason: 'model m1 threw TypeError',
        raw: Buffer.from(values[1] ?? '').toString('base64'),
      },
      { outcome: 'ok', score: 0.1 },
    ])
  })

  it('holds what enrich adds to its schema', async () => {
    const { log, ports } = await world()
    const handler = scoreHandler(shop, ports, async () => undefined)
    await handler(event([record(0, '{"price":1e308}')]), AMPLE)
    expect(entries(log)).toMatchObject([
      { outcome: 'dead', stage: 'enrich', reason: expect.stringContaining('double') },
    ])
  })

  it('refuses a partition that enriched does not have, and a topic that was made again', async () => {
    const { log, ports } = await world()
    await log.addPartitions(RAW, 3)
    const handler = scoreHandler(shop, ports, async () => undefined)
    const answer = await handler(event([record(7, '{"price":1}')], 2), AMPLE)
    expect(answer.batchItemFailures).toEqual([{ itemIdentifier: { partition: `${RAW}-2`, offset: 7 } }])
    await log.addPartitions(ENRICHED, 3)
    expect((await handler(event([record(7, '{"price":1}')], 2), AMPLE)).batchItemFailures).toEqual([])
    const again = { ...log, describeTopic: async (name: string) => ({ name, id: 'another', partitions: 3 }) }
    const fresh = scoreHandler(
      shop,
      testPorts({ log: again as unknown as MemoryLog, keyed: ports.keyed }),
      async () => undefined,
    )
    expect((await fresh(event([record(8, '{"price":1}')], 2), AMPLE)).batchItemFailures).toHaveLength(1)
  })

  it('sends nothing when too little time is left', async () => {
    const { log, ports } = await world()
    const handler = scoreHandler(shop, ports, async () => undefined)
    const answer = await handler(event([record(0, '{"price":1}')]), { getRemainingTimeInMillis: () => 3_000 })
    expect(answer.batchItemFailures).toEqual([{ itemIdentifier: { partition: `${RAW}-0`, offset: 0 } }])
    expect(log.texts(ENRICHED, 0)).toEqual([])
  })

  it('refuses an event without append times', async () => {
    const { ports } = await world()
    const handler = scoreHandler(shop, ports, async () => undefined)
    const wrong = event([record(0, '{}', { timestampType: 'CREATE_TIME' })])
    await expect(handler(wrong, AMPLE)).rejects.toThrow(/LogAppendTime/)
  })
})

describe('closure of the enriched partition (rule 2)', () => {
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
  afterEach(() => void vi.restoreAllMocks())

  const RECORDS = 40

  /** Attempts of a mapping and their zombies, interleaved, with appends that fail, land unseen, or land later. */
  async function run(seed: number): Promise<number[]> {
    const schedule = new Schedule(seed, { fail: 0.1, lose: 0.1, late: 0.1 })
    const { random } = schedule
    // A few entries a batch, so that an attempt makes several appends.
    const log = new MemoryLog(900)
    await log.createTopic(RAW, 1)
    await log.createTopic(ENRICHED, 1)
    const ports = testPorts({ log: scheduled(log, ['append'], schedule), keyed: new MemoryKeyed() })
    const raw = Array.from({ length: RECORDS }, (_, i) => record(i, `{"price":${i + 100}}`))
    let next = 0
    const zombies: Promise<unknown>[] = []
    while (next < RECORDS) {
      const from = next
      const to = Math.min(RECORDS, from + 1 + Math.floor(random() * 14))
      const attempt = scoreHandler(shop, ports, async () => undefined)(event(raw.slice(from, to)), AMPLE)
      if (random() < 0.2) {
        // The mapping takes it for dead and delivers again while it is still at work.
        zombies.push(attempt)
        await schedule.turn()
      } else {
        const { batchItemFailures } = await attempt
        next = batchItemFailures[0]?.itemIdentifier.offset ?? to
      }
      if (random() < 0.4) await schedule.landLate()
    }
    await Promise.all(zombies)
    for (let i = 0; i < RECORDS; i++) await schedule.landLate()
    return entries(log).map(({ offset }) => offset)
  }

  it('holds under every schedule', async () => {
    let repeats = 0
    for (let seed = 1; seed <= 400; seed++) {
      const origins = await run(seed)
      let highest = -1
      for (const origin of origins) {
        if (origin > highest + 1)
          throw new Error(`seed ${seed}: origin ${origin} landed before ${highest + 1}`)
        highest = Math.max(highest, origin)
      }
      expect(highest, `seed ${seed}`).toBe(RECORDS - 1)
      repeats += origins.length - RECORDS
    }
    // The schedules are only worth something if they made attempts overlap.
    expect(repeats).toBeGreaterThan(1000)
  })
})
