import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { masterRows } from '../../../lib/master/read.ts'
import { historyReader } from '../../../lib/serve/query/history.ts'
import { EnrichError } from '../../../lib/stream/define.ts'
import type { Entry } from '../../../lib/stream/entry.ts'
import { epochOf } from '../../../lib/stream/epoch.ts'
import type { HistoryDefinition } from '../../../lib/stream/history.ts'
import type { Value } from '../../../lib/stream/value.ts'
import { compileView } from '../../../lib/views/view.ts'
import { LocalWorld } from '../../master/local-world.ts'
import { testStream } from '../../master/test-stream.ts'
import { seeded } from '../../support/schedule.ts'
import { publishBatch } from './batch-world.ts'

const streams = new Map([[testStream.name, testStream]])
const byText = compileView('test', 'byText', testStream.views.byText ?? (undefined as never))
const SLOT_MS = 300_000
const LATER_MS = 1e15

let world: LocalWorld
beforeEach(async () => {
  world = await LocalWorld.open(testStream)
})
afterEach(() => world.ports.close())

const past = (windowMs: number, more: Partial<HistoryDefinition<Value>> = {}) => ({
  history: {
    past: { view: 'test.byText', key: () => undefined, windowMs, aggregates: ['count', 'sum'], ...more },
  },
})

async function counted(lines: readonly string[], pauseMs: () => number): Promise<readonly Entry[]> {
  for (const [i, line] of lines.entries()) {
    world.clock.ms += pauseMs()
    await world.feed(i % 2, line)
  }
  await world.run()
  const entries: Entry[] = []
  for await (const rows of masterRows(world.ports, testStream)) entries.push(...rows)
  return entries
}

/** Count and sum of a key in the slots from that of `atMs` back, record by record. */
function bruteForce(entries: readonly Entry[], key: string, atMs: number, slots: number) {
  const last = byText.slotOf(atMs)
  const own = entries.flatMap(({ eventTime, ...entry }) => {
    const slot = byText.slotOf(eventTime)
    const within = slot <= last && slot > last - slots * SLOT_MS
    return within && entry.outcome === 'ok' && entry.value.text === key ? [entry.value] : []
  })
  if (own.length === 0) return undefined
  const whole: number[] = own.flatMap(({ integer }) => (typeof integer === 'number' ? [integer] : []))
  return { count: own.length, sum: whole.reduce((a, b) => a + b, 0) }
}

describe('history lookups', () => {
  it.each([1, 2, 3, 4])('find what a count of the records finds, in both layers: seed %i', async (seed) => {
    const random = seeded(seed)
    const keys = ['a', 'b', 'a|b', 'x'.repeat(300), 'é']
    const anyKey = () => keys[Math.floor(random() * keys.length)] ?? 'a'
    const lines = Array.from({ length: 60 }, () =>
      JSON.stringify({ text: anyKey(), ...(random() < 0.3 ? {} : { integer: Math.floor(random() * 100) }) }),
    )
    const startMs = world.clock.ms
    const entries = await counted(lines, () => random() * 4 * SLOT_MS)
    const spanMs = world.clock.ms - startMs
    const horizon = epochOf(startMs + Math.floor(random() * spanMs), world.ports.epochMs)
    await publishBatch(world.ports, byText, entries, horizon)
    const slots = 1 + Math.floor(random() * 20)
    const read = historyReader(world.ports, past(slots * SLOT_MS - 1), streams)
    const asked = Array.from({ length: 200 }, () => ({
      name: 'past',
      key: random() < 0.2 ? 'nobody' : anyKey(),
      atMs: Math.floor(startMs + random() * spanMs * 1.2),
    }))
    const found = (await read?.(asked, LATER_MS)) ?? []
    expect(found).toEqual(asked.map(({ key, atMs }) => bruteForce(entries, key, atMs, slots)))
    expect(new Set(found.map((one) => one === undefined))).toEqual(new Set([true, false]))
    // One by one, in any order: some from boards that are held, some not.
    const uncached = historyReader(world.ports, past(slots * SLOT_MS - 1), streams, { heldMax: 0 })
    for (const [i, one] of asked.entries()) expect(await uncached?.([one], LATER_MS)).toEqual([found[i]])
  })

  it('go on with a batch view that is swapped, whatever is held, and with what is counted meanwhile', async () => {
    const random = seeded(5)
    const keys = Array.from({ length: 8 }, (_, i) => `key ${i}`)
    const read = historyReader(world.ports, past(200 * SLOT_MS), streams)
    const pauseMs = () => random() * SLOT_MS
    // One window for all of it, so that nothing but the reader's own care makes it read again.
    const atMs = world.clock.ms + 100 * SLOT_MS
    let entries: readonly Entry[] = []
    for (let round = 0; round < 12; round++) {
      const lines = Array.from({ length: 6 }, () => `{"text":"key ${Math.floor(random() * 8)}","integer":1}`)
      entries = await counted(lines, pauseMs)
      if (round % 3 === 2)
        await publishBatch(world.ports, byText, entries, epochOf(world.clock.ms, world.ports.epochMs) - round)
      // Older than anything that is held, and then once more from what is held.
      world.clock.ms += 5_000
      for (const some of [keys.slice(0, 3), keys.slice(2), keys]) {
        const asked = some.map((key) => ({ name: 'past', key, atMs }))
        const expected = asked.map(({ key }) => bruteForce(entries, key, atMs, 200))
        expect(await read?.(asked, LATER_MS), `round ${round}`).toEqual(expected)
        world.clock.ms += 1
      }
    }
  })

  it('know something for some seconds, and then look again', async () => {
    const read = historyReader(world.ports, past(SLOT_MS), streams, { ageMsMax: 5_000 })
    world.clock.ms = byText.slotOf(world.clock.ms)
    const atMs = world.clock.ms
    const ask = async () => (await read?.([{ name: 'past', key: 'a', atMs }], LATER_MS))?.[0]
    expect(await ask()).toBeUndefined()
    await counted(['{"text":"a","integer":4}'], () => 1)
    world.clock.ms += 4_998
    expect(await ask()).toBeUndefined()
    world.clock.ms += 1
    expect(await ask()).toEqual({ count: 1, sum: 4 })
    await counted(['{"text":"a"}'], () => 0)
    world.clock.ms -= 60_000
    expect(await ask()).toEqual({ count: 2, sum: 4 })
  })

  it('hold no more than they may, and forget what was not asked for longest', async () => {
    let gets = 0
    const keyed = new Proxy(world.ports.keyed, {
      get(target, name) {
        if (name === 'query') gets++
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    // Boards are never held.
    const options = { heldMax: 2, statesMax: 0 }
    await counted(['{"text":"a"}'], () => 0)
    const read = historyReader({ ...world.ports, keyed }, past(SLOT_MS), streams, options)
    const reads = async (...keys: readonly string[]) => {
      gets = 0
      for (const key of keys) await read?.([{ name: 'past', key, atMs: world.clock.ms }], LATER_MS)
      return gets
    }
    // One reading more, which finds that boards are too many to hold.
    expect(await reads('a', 'b', 'a', 'b')).toBe(3)
    expect(await reads('c', 'b', 'c')).toBe(1)
    expect(await reads('a')).toBe(1)
  })

  it('hold boards that are asked for again and again, and read them anew after some seconds', async () => {
    let reads = 0
    const keyed = new Proxy(world.ports.keyed, {
      get(target, name) {
        if (name === 'query') reads++
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const many = Array.from({ length: 30 }, (_, i) => `key ${i}`)
    world.clock.ms = byText.slotOf(world.clock.ms)
    const atMs = world.clock.ms
    const countAll = () =>
      counted(
        many.map((text) => JSON.stringify({ text })),
        () => 0,
      )
    await countAll()
    const read = historyReader({ ...world.ports, keyed }, past(SLOT_MS), streams)
    const ask = async (key: string) => (await read?.([{ name: 'past', key, atMs }], LATER_MS))?.[0]
    for (const key of many) expect(await ask(key)).toEqual({ count: 1, sum: 0 })
    expect(reads).toBe(2)
    await countAll()
    world.clock.ms += 5_000
    for (const key of many) expect(await ask(key)).toEqual({ count: 2, sum: 0 })
    expect(reads).toBe(4)
  })

  it('hold of boards the wanted aggregates alone, and weigh them by their size', async () => {
    const { definition } = byText
    const aggregates = { ...definition.aggregates, values: { kind: 'distinct', field: 'integer' } } as const
    const wide = { ...testStream, views: { byText: { ...definition, aggregates } } }
    await world.ports.close()
    world = await LocalWorld.open(wide)
    await world.feed(0, ...Array.from({ length: 300 }, (_, i) => `{"text":"a","integer":${i}}`))
    await world.run()
    let queries = 0
    const keyed = new Proxy(world.ports.keyed, {
      get(target, name) {
        if (name === 'query') queries++
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    // Room for some states of a few numbers, and none for one of 300 distinct values.
    const options = { heldMax: 0, statesMax: 4 }
    const ask = async (wanted: readonly string[]) => {
      queries = 0
      const all = new Map([[wide.name, wide]])
      const read = historyReader(
        { ...world.ports, keyed },
        past(SLOT_MS, { aggregates: wanted }),
        all,
        options,
      )
      const asked = [{ name: 'past', key: 'a', atMs: world.clock.ms }]
      const found: unknown[] = []
      for (let i = 0; i < 5; i++) found.push((await read?.(asked, LATER_MS))?.[0])
      return { found, queries }
    }
    const few = await ask(['count'])
    expect(few).toEqual({ found: Array(5).fill({ count: 300 }), queries: 2 })
    const many = await ask(['values', 'count'])
    expect(many.found).toEqual(Array(5).fill({ count: 300, values: 300 }))
    expect(many.queries).toBeGreaterThan(5)
  })

  it('find of records older than the retention what is there, from boards and batch views', async () => {
    const views = { ...testStream.views, byText: { ...byText.definition, retentionDays: 2 } }
    const short = new Map([[testStream.name, { ...testStream, views }]])
    const read = historyReader(world.ports, past(SLOT_MS), short, { heldMax: 0 })
    const atMs = world.clock.ms
    const entries = await counted(['{"text":"a","integer":4}', '{"text":"b"}'], () => 0)
    world.clock.ms += 400 * 86_400_000
    const ask = async (key: string) => (await read?.([{ name: 'past', key, atMs }], LATER_MS))?.[0]
    // Read for the key, and then from what is held.
    for (let i = 0; i < 3; i++) expect(await ask('a')).toEqual({ count: 1, sum: 4 })
    await publishBatch(world.ports, byText, entries, epochOf(world.clock.ms, world.ports.epochMs))
    world.clock.ms += 5_000
    for (let i = 0; i < 3; i++) expect(await ask('a')).toEqual({ count: 1, sum: 4 })
  })

  it('end where the time is over, and say what to do', async () => {
    await counted(['{"text":"a"}'], () => 1)
    const read = historyReader(world.ports, past(SLOT_MS), streams)
    const late = read?.([{ name: 'past', key: 'a', atMs: world.clock.ms }], world.clock.ms)
    await expect(late).rejects.toMatchObject({ name: 'PortError', code: 'TIMEOUT', curable: true })
  })

  it('refuse a key with other parts than the view has', async () => {
    const read = historyReader(world.ports, past(SLOT_MS), streams)
    await counted(['{"text":"a","integer":4}'], () => 1)
    const keys: readonly (string | readonly string[])[] = [['secret', 'b'], 'a', []]
    const asked = keys.map((key) => ({ name: 'past', key, atMs: world.clock.ms }))
    const refused = new EnrichError(
      'the key of history past must have a value for each field that view test.byText is grouped by: text',
    )
    expect(await read?.(asked, LATER_MS)).toEqual([refused, { count: 1, sum: 4 }, refused])
  })

  it('are none for a stream without, and refuse a view that is not there', () => {
    expect(historyReader(world.ports, { history: {} }, streams)).toBeUndefined()
    expect(() => historyReader(world.ports, past(1, { view: 'test.other' }), streams)).toThrow(
      'there is no view "test.other"',
    )
  })
})
