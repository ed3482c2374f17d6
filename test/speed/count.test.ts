import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { queryView } from '../../lib/serve/query.ts'
import { Recount } from '../../lib/serve/recount.ts'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import { partsOfItem } from '../../lib/state/board-body.ts'
import type { BoardOptions } from '../../lib/state/boards.ts'
import { readProgress } from '../../lib/state/progress.ts'
import { sweepBoards } from '../../lib/state/sweep-boards.ts'
import { coverage, readSinces, sinceId } from '../../lib/state/view-since.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { writeEntry } from '../../lib/stream/entry.ts'
import { compileView } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { testStream } from '../master/test-stream.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { AMPLE, testPorts } from '../support/ports.ts'
import { Schedule, scheduled } from '../support/schedule.ts'
import { enrichedPartition, eventOf, firstOf, RAW, seeded } from './archive-world.ts'

const ORIGINS = 40
const HOUR = 1_700_000_000_000
const VIEWS = ['records', 'byText', 'byList'] as const

/** Slots of a day: with records of one hour, all keys of a view are on one board, and it grows over any size. */
const wideStream: Stream = {
  ...testStream,
  views: Object.fromEntries(
    Object.entries(testStream.views).map(([name, view]) => [name, { ...view, slotMs: 86_400_000 }]),
  ),
}

interface Stores {
  readonly keyed: MemoryKeyed
  readonly objects: MemoryObjects
}

/** What the views must be: every first-seen entry folded once, by the definition itself. */
function truth(stream: Stream, log: ReturnType<typeof enrichedPartition>) {
  return VIEWS.map((name) => {
    const view = compileView('test', name, stream.views[name] ?? fail(name))
    const keys = new Map<string, ReturnType<typeof view.answer>>()
    const states = new Map<string, typeof view.empty>()
    for (const entry of firstOf(log))
      for (const key of view.keysOf(entry)) states.set(key, view.add(states.get(key) ?? view.empty, entry))
    for (const [key, state] of states) keys.set(key, view.answer(state))
    return keys
  })
}

function fail(name: string): never {
  throw new Error(`no view ${name}`)
}

async function answers(stream: Stream, stores: Stores) {
  return Promise.all(
    VIEWS.map(async (name) => {
      const view = compileView('test', name, stream.views[name] ?? fail(name))
      const { rows, since } = await queryView(stores, view, {}, 0)
      expect(since).toBeNull()
      return new Map(
        rows.map((row) => [
          row.key,
          Object.fromEntries(view.aggregates.map((aggregate) => [aggregate, row[aggregate]])),
        ]),
      )
    }),
  )
}

/** Objects that boards list. */
function spilled({ keyed }: Stores): number {
  const boards = [...keyed.items.values()].filter(({ pk }) => pk.startsWith('board/'))
  return boards.reduce((sum, { data }) => sum + partsOfItem(data).length, 0)
}

describe('count', () => {
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
  afterEach(() => void vi.restoreAllMocks())

  /** A mapping with zombies over stores whose calls fail, lose answers and interleave, swept at any moment. */
  async function run(stream: Stream, seed: number, options: BoardOptions = {}) {
    const log = enrichedPartition(seeded(seed), ORIGINS, []).map((entry) =>
      stream === wideStream ? { ...entry, appendTime: HOUR + entry.offset, eventTime: HOUR } : entry,
    )
    const schedule = new Schedule(seed, { fail: 0.08, lose: 0.08, late: 0 })
    const { random } = schedule
    const stores = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
    const unsure = testPorts({
      keyed: scheduled(stores.keyed, ['put', 'get'], schedule),
      objects: scheduled(stores.objects, ['put', 'get'], schedule),
    })
    // Two environments whose warm boards go stale whenever the other one works.
    const environments = [0, 1].map(() => entryConsumer('test', countStage(stream, unsure, options), unsure))
    const zombies: Promise<unknown>[] = []
    let next = 0
    while (next < log.length) {
      const from = Math.max(0, next - Math.floor(random() * 4))
      const to = Math.min(log.length, next + 1 + Math.floor(random() * 12))
      const attempt = (environments[Math.floor(random() * 2)] ?? fail('environment'))(
        eventOf(log, from, to),
        AMPLE,
      )
      if (random() < 0.25) {
        zombies.push(attempt)
        await schedule.turn()
        if (options.inlineBytesMax !== undefined) await sweepBoards(stores, 'test')
        continue
      }
      const { batchItemFailures } = await attempt
      if (batchItemFailures.length === 0) next = to
    }
    await Promise.all(zombies)
    return { log, stores }
  }

  it('agrees with the first-seen entries under every schedule of crashes, repeats and zombies', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { log, stores } = await run(testStream, seed)
      expect(await answers(testStream, stores), `seed ${seed}`).toEqual(truth(testStream, log))
    }
  })

  it('agrees as well when boards outgrow their items, and when what was replaced is swept meanwhile', async () => {
    let objects = 0
    for (let seed = 1; seed <= 300; seed++) {
      const { log, stores } = await run(wideStream, seed, { inlineBytesMax: 60 })
      objects += spilled(stores)
      expect(await answers(wideStream, stores), `seed ${seed}`).toEqual(truth(wideStream, log))
      await sweepBoards(stores, 'test')
      expect(stores.objects.held.size, `seed ${seed}`).toBe(spilled(stores))
      expect(await answers(wideStream, stores), `seed ${seed}, swept`).toEqual(truth(wideStream, log))
    }
    // Three views, more parts than one each: tiers were filled and merged.
    expect(objects).toBeGreaterThanOrEqual(900)
  })

  it('takes a value of half a megabyte, and 100,000 keys in one slot', async () => {
    const log = [...enrichedPartition(seeded(1), 1, [])]
    const [head] = log
    if (head?.outcome !== 'ok') throw new Error('expected an ok entry')
    const record = (offset: number, value: typeof head.value) => ({ ...head, offset, value })
    log.push(record(1, { text: 'x'.repeat(500_000) }))
    for (let offset = 2; offset < 52; offset++)
      log.push(record(offset, { text: 'y', list: Array.from({ length: 2_000 }, (_, i) => `${offset}-${i}`) }))
    const stores = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
    const ports = testPorts(stores)
    const handler = entryConsumer('test', countStage(wideStream, ports), ports)
    for (let from = 0; from < log.length; from += 10) {
      const answer = await handler(eventOf(log, from, Math.min(log.length, from + 10)), AMPLE)
      expect(answer).toEqual({ batchItemFailures: [] })
    }
    const [, byText, byList] = await answers(wideStream, stores)
    expect(byList?.size).toBe(100_000)
    expect([...(byText?.keys() ?? [])].filter((key) => /^x{240}…#[0-9a-f]{32}$/.test(key))).toHaveLength(1)
    expect(spilled(stores)).toBeGreaterThan(0)
    expect([...stores.keyed.items.values()].every(({ data }) => data.length <= 8 * 1024)).toBe(true)
    const byLongText = await queryView(
      stores,
      compileView('test', 'byText', wideStream.views.byText ?? fail('byText')),
      { key: 'x'.repeat(500_000) },
      0,
    )
    expect(byLongText.rows).toMatchObject([{ count: 1 }])
  })

  /** A release that adds a view comes, goes and stays, while invocations of the one before are still at work. */
  async function runReleases(seed: number) {
    const { byText = fail('byText'), ...others } = testStream.views
    const log = enrichedPartition(seeded(seed), ORIGINS, [])
    const schedule = new Schedule(seed, { fail: 0.08, lose: 0.08, late: 0 })
    const { random } = schedule
    const stores = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
    const unsure = testPorts({ ...stores, keyed: scheduled(stores.keyed, ['put', 'get'], schedule) })
    const handlerOf = (stream: Stream) => entryConsumer('test', countStage(stream, unsure), unsure)
    const before = handlerOf({ ...testStream, views: others })
    const after = [testStream, testStream].map(handlerOf)
    const zombies: Promise<unknown>[] = []
    let next = 0
    while (next < log.length) {
      const from = Math.max(0, next - Math.floor(random() * 4))
      const to = Math.min(log.length, next + 1 + Math.floor(random() * 6))
      // Releases that change places for long, one that is added once, and one that was taken back for a moment at most.
      const oldChance =
        [next < log.length / 2 ? 0.6 : 0, next < 10 ? 1 : 0, next < 10 ? 0.1 : 0][seed % 3] ?? 0
      const isOld = random() < oldChance
      const handler = isOld ? before : after[Math.floor(random() * 2)]
      const attempt = (handler ?? fail('release'))(eventOf(log, from, to), AMPLE)
      if (random() < 0.25) {
        zombies.push(attempt)
        await schedule.turn()
      } else if ((await attempt).batchItemFailures.length === 0) next = to
    }
    await Promise.all(zombies)
    return { log, stores, view: compileView('test', 'byText', byText) }
  }

  it('holds every record from when on a view is declared to be, however releases and zombies interleave', async () => {
    const seen = { complete: 0, exact: 0, mixed: 0 }
    for (let seed = 1; seed <= 400; seed++) {
      const { log, stores, view } = await runReleases(seed)
      const at = { topic: RAW, partition: 0 }
      const progress = await readProgress(stores.keyed, 'count', 'test.enriched.g1', 0)
      expect(progress.highestOrigin, `seed ${seed}`).toBe(ORIGINS - 1)
      const since = coverage(view, progress, (await readSinces(stores.keyed, view)).get(sinceId(at)))
      expect(since.from, `seed ${seed}`).toBeLessThan(ORIGINS)
      seen[since.mixed ? 'mixed' : since.from > 0 ? 'exact' : 'complete']++
      const recount = await Recount.start({ ...stores, epochMs: 60_000 }, testStream, at, progress)
      recount.add(firstOf(log))
      expect(recount.finish(ORIGINS - 1).problems, `seed ${seed}`).toEqual([])
      // Boards that verify does not judge hold at least the records from there on.
      const { rows } = await queryView(stores, view, {}, 0)
      for (const entry of firstOf(log)) {
        if (entry.offset < since.from) continue
        for (const key of view.keysOf(entry))
          expect(
            rows.find((row) => row.key === key),
            `seed ${seed}, ${key}`,
          ).toMatchObject({ count: 1 })
      }
    }
    expect(Math.min(seen.complete, seen.exact, seen.mixed), JSON.stringify(seen)).toBeGreaterThan(10)
  })

  it('puts nothing on a board from below a declaration, however late its invocation wakes up', async () => {
    const { byText: _, ...others } = testStream.views
    const ports = testPorts()
    const log = firstOf(enrichedPartition(seeded(1), 15, []))
    const old = entryConsumer('test', countStage({ ...testStream, views: others }, ports), ports)
    await old(eventOf(log, 0, 5), AMPLE)
    const stage = countStage(testStream, ports)
    const stale = await stage.load('test.enriched.g1', 0)
    await old(eventOf(log, 5, 10), AMPLE)
    await entryConsumer('test', countStage(testStream, ports), ports)(eventOf(log, 10, 15), AMPLE)
    const entries = log.slice(5, 10).map((entry) => {
      return { offset: entry.offset, origin: entry.offset, text: Buffer.from(writeEntry(entry)).toString() }
    })
    const progress = { nextOffset: 10, highestOrigin: 9 }
    const batch = { topic: 'test.enriched.g1', partition: 0, entries, progress }
    expect(await stage.apply(batch, stale)).toBe('moved')
    const now = await readProgress(ports.keyed, 'count', 'test.enriched.g1', 0)
    const recount = await Recount.start(ports, testStream, { topic: RAW, partition: 0 }, now)
    recount.add(log)
    expect(recount.finish(14)).toMatchObject({ problems: [], partial: 0 })
  })

  it('answers a gap as a failure of its partition, and stores nothing', async () => {
    const log = enrichedPartition(seeded(1), ORIGINS, [{ from: 10, to: 12 }])
    const keyed = new MemoryKeyed()
    const ports = testPorts({ keyed })
    const handler = entryConsumer('test', countStage(testStream, ports), ports)
    const { batchItemFailures } = await handler(eventOf(log, 0, log.length), AMPLE)
    expect(batchItemFailures).toEqual([{ itemIdentifier: { partition: 'test.enriched.g1-0', offset: 0 } }])
    expect([...keyed.items.values()].map(({ pk }) => pk)).toEqual(['settings'])
  })
})
