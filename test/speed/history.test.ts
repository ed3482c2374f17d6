import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { json } from '../../lib/formats/json.ts'
import { EVENT_BYTES_MAX, encodeBatch, kafkaEvent, takePieces } from '../../lib/local/kafka-event-text.ts'
import { masterRows } from '../../lib/master/read.ts'
import { PortError } from '../../lib/ports/errors.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { historyReader } from '../../lib/serve/query/history.ts'
import { queryView } from '../../lib/serve/query.ts'
import { archiveStage } from '../../lib/speed/archive.ts'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import type { KafkaEvent, KafkaHandler } from '../../lib/speed/kafka-event.ts'
import { scoreHandler } from '../../lib/speed/score.ts'
import { defineStream } from '../../lib/stream/define.ts'
import { type Entry, readEntry } from '../../lib/stream/entry.ts'
import type { ReadHistory } from '../../lib/stream/history.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { compileView } from '../../lib/views/view.ts'
import { LocalWorld } from '../master/local-world.ts'
import { AMPLE } from '../support/ports.ts'
import { Schedule, scheduled } from '../support/schedule.ts'

const DAY_MS = 86_400_000

/** Each record keeps how many of its user there were before; a view counts by that. */
const visits = defineStream({
  name: 'visits',
  title: 'Visits',
  description: 'Visits of tests.',
  format: json(),
  schema: z.object({ user: z.string() }),
  enrich: {
    schema: z.object({ before: z.number() }),
    history: {
      past: {
        view: 'visits.byUser',
        key: ({ user }) => {
          if (user === 'secret 13') throw new RangeError('secret 13')
          if (user === 'two parts') return [user, 'secret']
          return user === 'nobody' ? undefined : user
        },
        windowMs: DAY_MS,
        aggregates: ['count'],
      },
    },
    add: ({ user }, _tables, _version, { past }) => {
      if (user === 'secret 14') throw new RangeError('secret 14')
      return { before: past?.count ?? 0 }
    },
  },
  views: {
    byUser: {
      title: 'By user',
      groupBy: ['user'],
      slotMs: 3_600_000,
      aggregates: { count: { kind: 'count' } },
    },
    byBefore: {
      title: 'By how many there were before',
      groupBy: ['before'],
      slotMs: 3_600_000,
      aggregates: { count: { kind: 'count' } },
    },
  },
  partitions: 1,
})

const streams = new Map([[visits.name, visits]])
const RAW = topicName('visits', 'raw')
const ENRICHED = topicName('visits', 'enriched')
const byBefore = compileView('visits', 'byBefore', visits.views.byBefore ?? (undefined as never))

let world: LocalWorld
beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  world = await LocalWorld.open(visits)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await world.ports.close()
})

const feed = (...users: readonly string[]) => world.feed(0, ...users.map((user) => JSON.stringify({ user })))

/** A score function that has just started: it has looked nothing up yet. */
const score = (ports: Ports = world.ports, read = historyReader(ports, visits, streams)) =>
  scoreHandler(visits, ports, async () => undefined, undefined, read)
const count = (ports: Ports = world.ports) => entryConsumer(visits.name, countStage(visits, ports), ports)

/** Delivers what there is from an offset on, as one event; the offset to go on from. */
async function deliver(handler: KafkaHandler, topic: string, from: number, atOnce = 1_000): Promise<number> {
  const batches = await world.ports.log.read(topic, 0, from, 1_000_000)
  const room = { records: atOnce, bytes: EVENT_BYTES_MAX, empty: true }
  const some = takePieces(
    batches.map((batch) => encodeBatch(topic, 0, batch)),
    from,
    room,
  )
  if (some === undefined) return from
  const text = Buffer.concat(kafkaEvent(new Map([[`${topic}-0`, some]]))).toString()
  const { batchItemFailures } = await handler(JSON.parse(text) as KafkaEvent, AMPLE)
  return batchItemFailures[0]?.itemIdentifier.offset ?? some.end
}

/** Delivers until all is done. */
async function drain(handler: KafkaHandler, topic: string, from = 0): Promise<number> {
  for (let at = from; ; ) {
    const next = await deliver(handler, topic, at)
    if (next === at) return at
    at = next
  }
}

/** All that lies in the enriched log. */
async function landed(): Promise<readonly Entry[]> {
  const batches = await world.ports.log.read(ENRICHED, 0, 0, 100_000_000)
  return batches.flatMap(({ records }) =>
    [...records].map(({ value }) => readEntry(Buffer.from(value).toString())),
  )
}

const beforeOf = (entry: Entry | undefined) => (entry?.outcome === 'ok' ? entry.value.before : entry?.outcome)

async function countedBefore() {
  const { rows } = await queryView(world.ports, byBefore, {}, world.clock.ms)
  return Object.fromEntries(rows.map(({ key, count: n }) => [key, n]))
}

describe('enriching from a view', () => {
  it('finds what was counted before, never the record itself, and nothing for who is new or does not ask', async () => {
    await feed('u', 'u', 'v')
    const next = await drain(score(), RAW)
    await drain(count(), ENRICHED)
    await feed('u', 'w', 'nobody', 'v', 'u')
    await drain(score(), RAW, next)
    expect((await landed()).map(beforeOf)).toEqual([0, 0, 0, 2, 0, 0, 1, 2])
  })

  it('decides once: the entry of a later attempt, which has seen more, counts nowhere', async () => {
    await feed('u')
    let lost = 0
    const log = new Proxy(world.ports.log, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        const bound = member.bind(target) as (...args: unknown[]) => Promise<unknown>
        if (name !== 'append') return bound
        return async (...args: unknown[]) => {
          await bound(...args)
          lost++
          throw new Error('landed, and the answer was lost')
        }
      },
    })
    expect(await deliver(score({ ...world.ports, log }), RAW, 0)).toBe(0)
    expect(lost).toBe(1)
    const counted = await drain(count(), ENRICHED)
    await drain(score(), RAW)
    await drain(count(), ENRICHED, counted)
    await drain(entryConsumer(visits.name, archiveStage(visits, world.ports), world.ports), ENRICHED)
    expect((await landed()).map(beforeOf)).toEqual([0, 1])
    expect(await countedBefore()).toEqual({ 0: 1 })
    const kept: Entry[] = []
    for await (const rows of masterRows(world.ports, visits)) kept.push(...rows)
    expect(kept.map(beforeOf)).toEqual([0])
  })

  it('delivers the batch again where the view cannot be read, and appends nothing', async () => {
    await feed('u', 'v')
    let broken = true
    const keyed = new Proxy(world.ports.keyed, {
      get(target, name) {
        if (name === 'query' && broken)
          throw new PortError('THROTTLED', 'too many requests', { curable: true })
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const handler = score({ ...world.ports, keyed })
    expect(await deliver(handler, RAW, 0)).toBe(0)
    expect(await landed()).toEqual([])
    broken = false
    expect(await deliver(handler, RAW, 0)).toBe(2)
    expect((await landed()).map(beforeOf)).toEqual([0, 0])
  })

  it('takes fewer records where there is no time for the lookups of all, and more again later', async () => {
    const users = Array.from({ length: 40 }, (_, i) => `user ${i}`)
    await feed(...users)
    const asked: number[] = []
    const read: ReadHistory = async (all) => {
      asked.push(all.length)
      if (all.length > 7) throw new PortError('TIMEOUT', 'too slow', { curable: true })
      return all.map(() => undefined)
    }
    const handler = score(world.ports, read)
    let at = 0
    for (let tries = 0; at < users.length && tries < 100; tries++) at = await deliver(handler, RAW, at)
    expect((await landed()).map(({ offset }) => offset)).toEqual(users.map((_, i) => i))
    expect(Math.max(...asked.slice(asked.findIndex((n) => n <= 7)))).toBeGreaterThan(7)
  })

  it("makes a dead letter of a record on which the stream's own code throws, and quotes nothing of it", async () => {
    await feed('u', 'secret 13', 'secret 14', 'v')
    await drain(score(), RAW)
    const entries = await landed()
    expect(entries.map(({ outcome }) => outcome)).toEqual(['ok', 'dead', 'dead', 'ok'])
    for (const dead of entries.slice(1, 3)) {
      expect(dead).toMatchObject({ stage: 'enrich', reason: "the stream's own code threw RangeError" })
      expect(dead.outcome === 'dead' && Buffer.from(String(dead.raw), 'base64').toString()).toMatch(
        /secret 1[34]/,
      )
    }
  })

  it('makes a dead letter of a record whose key has other parts than the view, and goes on', async () => {
    await feed('u', 'two parts', 'v')
    expect(await deliver(score(), RAW, 0)).toBe(3)
    const entries = await landed()
    expect(entries.map(beforeOf)).toEqual([0, 'dead', 0])
    expect(entries[1]).toMatchObject({
      stage: 'enrich',
      reason:
        'the key of history past must have a value for each field that view visits.byUser is grouped by: user',
    })
  })

  it('tells with the figures of a batch how long the lookups took', async () => {
    const figures: Readonly<Record<string, number>>[] = []
    const metrics = {
      record: (batch: { figures: Readonly<Record<string, number>> }) => void figures.push(batch.figures),
    }
    const read: ReadHistory = async (all) => {
      world.clock.ms += 250
      return all.map(() => undefined)
    }
    await feed('u')
    const handler = score({ ...world.ports, metrics }, read)
    const next = await deliver(handler, RAW, 0)
    await feed('u')
    await deliver(handler, RAW, next)
    expect(figures.map(({ historyMs }) => historyMs)).toEqual([250, 250])
  })

  it('is not left out by a score function that was given no way to read', () => {
    expect(() => scoreHandler(visits, world.ports, async () => undefined)).toThrow('looks things up in views')
  })

  const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1)
  it.each(SEEDS)('leaves views exact under attempts that fail, repeat and overlap: seed %i', async (seed) => {
    const schedule = new Schedule(seed, { fail: 0.08, lose: 0.1, late: 0.1 })
    const { random } = schedule
    const users = ['a', 'b', 'c']
    const anyUsers = (n: number) => Array.from({ length: n }, () => users[Math.floor(random() * 3)] ?? 'a')
    const early = anyUsers(15)
    await feed(...early)
    const scored = await drain(score(), RAW)
    let at = { raw: scored, enriched: await drain(count(), ENRICHED) }
    const late = anyUsers(25)
    await feed(...late)
    const log = scheduled(world.ports.log, ['append'], schedule)
    const keyed = scheduled(world.ports.keyed, ['put', 'get'], schedule)
    const ports = { ...world.ports, log, keyed }
    const zombies: Promise<unknown>[] = []
    for (let steps = 0; at.raw < 40; steps++) {
      expect(steps, 'steps').toBeLessThan(2_000)
      // A process that has just started has looked nothing up, another one has.
      const attempt = deliver(score(ports), RAW, at.raw, 1 + Math.floor(random() * 8)).catch(() => at.raw)
      if (random() < 0.25) zombies.push(attempt)
      else at = { ...at, raw: Math.max(at.raw, await attempt) }
      if (random() < 0.5)
        at = { ...at, enriched: await deliver(count(ports), ENRICHED, at.enriched).catch(() => at.enriched) }
      if (random() < 0.4) await schedule.landLate().catch(() => undefined)
    }
    await Promise.all(zombies)
    for (let i = 0; i < 200; i++) await schedule.landLate().catch(() => undefined)
    await drain(count(), ENRICHED, at.enriched)

    const first = new Map<number, Entry>()
    for (const entry of await landed()) if (!first.has(entry.offset)) first.set(entry.offset, entry)
    const decided = [...first.values()].sort((a, b) => a.offset - b.offset)
    expect(decided.map(({ offset }) => offset)).toEqual([...early, ...late].map((_, i) => i))
    const tally: Record<string, number> = {}
    for (const entry of decided) {
      const before = Number(beforeOf(entry))
      tally[String(before)] = (tally[String(before)] ?? 0) + 1
      const user = entry.outcome === 'ok' ? entry.value.user : undefined
      const countOf = (all: readonly string[]) => all.filter((one) => one === user).length
      // All that was counted when it was looked up, and never itself.
      if (entry.offset >= early.length) expect(before).toBeGreaterThanOrEqual(countOf(early))
      expect(before).toBeLessThan(countOf([...early, ...late]))
    }
    expect(await countedBefore()).toEqual(tally)
  })
})
