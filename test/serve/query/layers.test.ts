import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { masterRows } from '../../../lib/master/read.ts'
import type { KeyedStore } from '../../../lib/ports/keyed-store.ts'
import { queryView } from '../../../lib/serve/query.ts'
import { recordExpired } from '../../../lib/state/batch-expired.ts'
import { readBoards } from '../../../lib/state/boards.ts'
import { coveredRetractions } from '../../../lib/state/covered-retractions.ts'
import { recordRetraction, withdrawRetraction } from '../../../lib/state/retractions.ts'
import { versionName } from '../../../lib/state/view-since.ts'
import type { Entry } from '../../../lib/stream/entry.ts'
import { epochOf } from '../../../lib/stream/epoch.ts'
import { displayKey } from '../../../lib/views/key.ts'
import { compileView } from '../../../lib/views/view.ts'
import { LocalWorld } from '../../master/local-world.ts'
import { testStream } from '../../master/test-stream.ts'
import { bruteForce, expected, plain, publishBatch, sorted } from './batch-world.ts'

const views = Object.entries(testStream.views).map(([name, one]) => compileView('test', name, one))
const SEED = 20261121

let world: LocalWorld
afterEach(() => world.ports.close())

/** Records over some minutes of append time, hours of event time, late ones among them; returns what became of them. */
async function feed(
  values: readonly { text: string; list: readonly string[]; integer: number; pauseMs: number }[],
) {
  for (const [i, { pauseMs, ...value }] of values.entries()) {
    world.clock.ms += pauseMs
    await world.feed(i % 2, i % 11 === 5 ? 'no JSON' : JSON.stringify(value))
  }
  await world.run()
  const entries: Entry[] = []
  for await (const rows of masterRows(world.ports, testStream)) entries.push(...rows)
  return entries
}

const anyRecords = fc.array(
  fc.record({
    text: fc.constantFrom('a', 'b', 'a|b', 'é', 'x'.repeat(300)),
    list: fc.array(fc.constantFrom('p', 'q', '__proto__'), { maxLength: 3 }),
    integer: fc.maxSafeInteger(),
    pauseMs: fc.nat({ max: 90_000 }),
  }),
  { minLength: 1, maxLength: 30 },
)

describe('a query over both layers', () => {
  it('answers as brute force over the entries does, wherever the horizon lies', {
    timeout: 120_000,
  }, async () => {
    const runs = fc.asyncProperty(
      anyRecords,
      fc.nat(40),
      fc.nat(3),
      fc.boolean(),
      async (records, ahead, pick, bySlot) => {
        world = await LocalWorld.open(testStream)
        const startMs = world.clock.ms
        const entries = await feed(records)
        const horizon = epochOf(startMs, world.ports.epochMs) + ahead
        const view = views[pick % views.length]
        if (view === undefined) throw new Error('no view')
        await publishBatch(world.ports, view, entries, horizon)
        const keys = [undefined, ...new Set([...bruteForce(view, entries).keys()].map(displayKey))]
        const middle = startMs + 15 * 60_000
        for (const range of [{}, { from: middle }, { to: middle }])
          for (const key of keys) {
            const options = { ...range, key, bySlot }
            const answer = await queryView(world.ports, view, options, world.clock.ms)
            expect(sorted(plain(answer.rows))).toEqual(sorted(expected(view, entries, options)))
            expect(answer.since).toBeNull()
          }
        const isBatch = ({ appendTime }: Entry) => epochOf(appendTime, world.ports.epochMs) < horizon
        const batch = await queryView(world.ports, view, { layer: 'batch', bySlot }, world.clock.ms)
        expect(sorted(plain(batch.rows))).toEqual(sorted(expected(view, entries.filter(isBatch), { bySlot })))
        const speed = await queryView(world.ports, view, { layer: 'speed', bySlot }, world.clock.ms)
        const later = entries.filter((entry) => !isBatch(entry))
        expect(sorted(plain(speed.rows))).toEqual(sorted(expected(view, later, { bySlot })))
        await world.ports.close()
      },
    )
    console.log(`seed ${SEED}`)
    await fc.assert(runs, { numRuns: 25, seed: SEED })
    world = await LocalWorld.open(testStream)
  })
})

describe('a query while a recompute is published', () => {
  const view = compileView('test', 'byText', testStream.views.byText ?? (undefined as never))
  const value = (text: string, pauseMs: number) => ({ text, list: [], integer: 1, pauseMs })

  async function prepared() {
    world = await LocalWorld.open(testStream)
    const entries = await feed([value('a', 0), value('a', 61_000), value('a', 61_000), value('b', 61_000)])
    return { entries, first: epochOf(entries[0]?.appendTime ?? 0, world.ports.epochMs) }
  }

  /** The keyed store, with something done once, right after the pointer has been read the first time. */
  function afterPointer(doing: () => Promise<unknown>): KeyedStore {
    const { keyed } = world.ports
    let done = false
    const get: KeyedStore['get'] = async (pk, sk) => {
      const item = await keyed.get(pk, sk)
      if (!done && sk === 'pointer') {
        done = true
        await doing()
      }
      return item
    }
    return new Proxy(keyed, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name)
        return name === 'get' ? get : typeof member === 'function' ? member.bind(target) : member
      },
    })
  }

  async function expireBefore(epoch: number) {
    await recordExpired(world.ports.keyed, 'test', { [versionName(view)]: epoch })
    for await (const board of readBoards(world.ports, view)) {
      if (board.epoch >= epoch) continue
      const pk = `board/${view.id}/${view.version}`
      for await (const { sk } of world.ports.keyed.query(pk))
        if (Number(sk.split('/')[1]) < epoch) await world.ports.keyed.delete(pk, sk, 'any')
    }
  }

  const counts = async (keyed: KeyedStore) => {
    const { rows } = await queryView({ ...world.ports, keyed }, view, {}, world.clock.ms)
    return Object.fromEntries(rows.map(({ key, count }) => [key, count]))
  }

  it('starts again where boards it needed have been deleted meanwhile', async () => {
    const { entries, first } = await prepared()
    await publishBatch(world.ports, view, entries, first + 1)
    const keyed = afterPointer(async () => {
      await publishBatch(world.ports, view, entries, first + 3)
      await expireBefore(first + 3)
    })
    expect(await counts(keyed)).toEqual({ a: 3, b: 1 })
  })

  it('starts again where the batch view it began with has been swept', async () => {
    const { entries, first } = await prepared()
    const { index } = await publishBatch(world.ports, view, entries, first + 1)
    const keyed = afterPointer(async () => {
      await publishBatch(world.ports, view, entries, first + 2)
      await world.ports.objects.delete(index)
    })
    expect(await counts(keyed)).toEqual({ a: 3, b: 1 })
  })

  it('fails rather than leave out boards that are gone', async () => {
    const { entries, first } = await prepared()
    await publishBatch(world.ports, view, entries, first + 1)
    await expireBefore(first + 3)
    await expect(counts(world.ports.keyed)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await publishBatch(world.ports, view, entries, first + 3)
    expect(await counts(world.ports.keyed)).toEqual({ a: 3, b: 1 })
  })

  it('names an object that the standing pointer needs and that is gone', async () => {
    const { entries, first } = await prepared()
    const { index } = await publishBatch(world.ports, view, entries, first + 1)
    await world.ports.objects.delete(index)
    await expect(counts(world.ports.keyed)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('tells the horizon, and no since for what the batch view has', async () => {
    const { entries, first } = await prepared()
    const before = await queryView(world.ports, view, {}, world.clock.ms)
    expect(before).toMatchObject({ horizon: null, since: null })
    await publishBatch(world.ports, view, entries, first + 2)
    const after = await queryView(world.ports, view, {}, world.clock.ms)
    expect(after.horizon).toBe(new Date((first + 2) * world.ports.epochMs).toISOString())
    // A view declared only now: from now on for the boards, before it the batch view.
    const changed = compileView('test', 'byText', { ...view.definition, slotMs: 60_000 })
    const alone = await queryView(world.ports, changed, {}, world.clock.ms)
    expect(alone).toMatchObject({ rows: [], horizon: null, since: new Date(world.clock.ms).toISOString() })
    const beyond = epochOf(world.clock.ms, world.ports.epochMs) + 1
    await publishBatch(world.ports, changed, entries, beyond)
    const whole = await queryView(world.ports, changed, {}, world.clock.ms)
    expect(whole).toMatchObject({
      since: null,
      horizon: new Date(beyond * world.ports.epochMs).toISOString(),
    })
    expect(whole.rows.map(({ key, count }) => [key, count])).toEqual([
      ['a', 3],
      ['b', 1],
    ])
  })

  it('tells how many retractions it does not show yet', async () => {
    const { entries, first } = await prepared()
    const pending = async () => (await queryView(world.ports, view, {}, world.clock.ms)).retractionsPending
    expect(await pending()).toBe(0)
    const stretch = { topic: 'test.raw.g1', partition: 0, from: 0, to: 1 }
    const { id } = await recordRetraction(world.ports.keyed, stretch, 'a broken sensor', 1)
    expect(await pending()).toBe(1)
    // Built without it, built with it, built with it though some of its records are still on boards.
    await publishBatch(world.ports, view, entries, first + 9)
    expect(await pending()).toBe(1)
    const partitions = [{ topic: 'test.raw.g1', partition: 0, end: 9, below: 9, beyond: 9 }]
    const retractions = coveredRetractions([stretch], { partitions })
    await publishBatch(world.ports, view, entries, first + 9, { partitions, retractions })
    expect(await pending()).toBe(0)
    await withdrawRetraction(world.ports.keyed, 'test', id, 'it was not', 2)
    expect(await pending()).toBe(1)
    const long = { ...stretch, from: 3, to: 20 }
    await recordRetraction(world.ports.keyed, long, 'another', 3)
    const both = coveredRetractions([long], { partitions })
    await publishBatch(world.ports, view, entries, first + 9, { partitions, retractions: both })
    expect(await pending()).toBe(1)
  })

  it('serves no slot that the view keeps no longer', async () => {
    const { entries, first } = await prepared()
    const kept = compileView('test', 'byText', { ...view.definition, retentionDays: 1 })
    await publishBatch(world.ports, kept, entries, first + 9)
    const at = async (nowMs: number) => (await queryView(world.ports, kept, { from: 0 }, nowMs)).rows.length
    const slot = kept.slotOf(world.clock.ms)
    expect(await at(world.clock.ms)).toBe(2)
    expect(await at(slot + 86_400_000 + 299_999)).toBeGreaterThan(0)
    expect(await at(slot + 86_400_000 + 300_000)).toBe(0)
  })
})
