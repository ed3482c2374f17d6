import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readBatchPointer } from '../../lib/state/batch-pointer.ts'
import { recordRetraction, withdrawRetraction } from '../../lib/state/retractions.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { LocalWorld } from '../master/local-world.ts'
import { testStream } from '../master/test-stream.ts'
import {
  answers,
  batchObjects,
  indexes,
  oracle,
  recompute,
  SETTINGS,
  segmentNames,
  viewsOf,
} from './world.ts'

const MINUTE_MS = 60_000
const EPOCH_MS = 60_000

let world: LocalWorld
let fed = 0

beforeEach(async () => {
  fed = 0
  world = await LocalWorld.open(testStream)
})
afterEach(() => world.ports.close())

/** Feeds records over some minutes, and runs the stages. */
async function live(minutes: number, each = 6) {
  for (let minute = 0; minute < minutes; minute++) {
    for (let i = 0; i < each; i++) {
      const n = fed++
      const value = { text: `t${n % 5}`, integer: n, number: n / 4, list: [`a${n % 3}`, `b${n % 2}`] }
      await world.feed(n % 2, n % 17 === 16 ? 'garbage' : JSON.stringify(value))
      world.clock.ms += MINUTE_MS / each
    }
    await world.run()
  }
}

async function agree(stream: Stream = world.stream) {
  for (const view of viewsOf(stream))
    expect(await answers(world.ports, view), view.id).toEqual(await oracle(world.ports, stream, view))
}

const run = (options = {}) => recompute(world.ports, world.stream, options)

describe('a recompute', () => {
  it('covers the epochs that have ended, and answers stay what the records make', async () => {
    await live(10)
    await agree()
    const result = await run()
    expect(result.horizon).toBe(Math.floor((world.clock.ms - SETTINGS.slackMs) / EPOCH_MS))
    expect(result.published).toBe(true)
    expect(result.views.map(({ view, mode }) => [view, mode]).sort()).toEqual([
      ['test.byList', 'full'],
      ['test.byText', 'full'],
      ['test.records', 'full'],
    ])
    const pointer = await readBatchPointer(world.ports.keyed, 'test')
    expect(pointer).toMatchObject({ horizon: result.horizon, run: result.run, epochMs: EPOCH_MS })
    await agree()
    await live(3)
    await agree()
  })

  it('adds new epochs to what stands, and gives the segments that the whole would', async () => {
    await live(5)
    await run()
    for (let i = 0; i < 4; i++) {
      await live(3)
      const result = await run()
      expect(result.views.map(({ mode }) => mode)).toEqual(['added', 'added', 'added'])
      await agree()
      const names = await segmentNames(world.ports, testStream)
      const added = await indexes(world.ports, testStream)
      const full = await run({ full: true })
      expect(full.views.map(({ mode, why }) => [mode, why])).toEqual([
        ['full', 'asked for'],
        ['full', 'asked for'],
        ['full', 'asked for'],
      ])
      expect(full.views.map(({ segmentsMade }) => segmentsMade)).toEqual([0, 0, 0])
      expect(await segmentNames(world.ports, testStream)).toEqual(names)
      const whole = await indexes(world.ports, testStream)
      if (full.horizon === result.horizon) expect(whole).toEqual(added)
      await agree()
    }
  })

  it('publishes nothing where nothing is new', async () => {
    await live(3)
    const first = await run()
    const before = await readBatchPointer(world.ports.keyed, 'test')
    const again = await run()
    expect(again).toMatchObject({ published: false, horizon: first.horizon })
    expect(again.views.map(({ mode }) => mode)).toEqual(['same', 'same', 'same'])
    expect(await readBatchPointer(world.ports.keyed, 'test')).toEqual(before)
  })

  it('publishes empty views of a stream without records', async () => {
    const result = await run()
    expect(result.views.map(({ mode, records }) => [mode, records])).toEqual([
      ['full', 0],
      ['full', 0],
      ['full', 0],
    ])
    await agree()
    await live(3)
    await run()
    await agree()
  })

  it('touches the chunks that have new records and shares the others by name', async () => {
    await live(2)
    world.clock.ms += 24 * 60 * MINUTE_MS
    await live(2)
    const first = await run()
    const before = await segmentNames(world.ports, testStream)
    expect(new Set(before.map((line) => line.split(' ')[1])).size).toBe(2)
    await live(2)
    const second = await run()
    expect(second.horizon).toBeGreaterThan(first.horizon)
    for (const { chunks, segments, segmentsMade } of second.views)
      expect([chunks, segments, segmentsMade]).toEqual([2, 2, 1])
    const after = await segmentNames(world.ports, testStream)
    expect(after.filter((line) => before.includes(line))).toHaveLength(3)
  })

  it('is the same run under the same id: it ends once', async () => {
    await live(3)
    const first = await run({ run: 'once' })
    await live(3)
    expect(await run({ run: 'once' })).toEqual(first)
    expect((await readBatchPointer(world.ports.keyed, 'test'))?.horizon).toBe(first.horizon)
    await expect(run({ run: 'a/b' })).rejects.toThrow('a run id is')
  })

  it('waits for archive, and says how far it is behind', async () => {
    await live(3)
    await world.feed(0, JSON.stringify({ text: 'late to the master' }))
    await world.run(['score', 'count'])
    world.clock.ms += 3 * MINUTE_MS
    const waits: number[] = []
    await expect(
      run({ run: 'w', onWait: ({ behind }: { behind: number }) => waits.push(behind) }),
    ).rejects.toThrow('the master lacks 1 records')
    expect(new Set(waits)).toEqual(new Set([1]))
    await world.run(['archive'])
    expect((await run({ run: 'w' })).published).toBe(true)
    await agree()
  })

  it('passes offsets that are lost', async () => {
    await live(2)
    await world.lose(1, '{"text":"gone"}', '{"text":"gone too"}')
    await live(2)
    await run()
    await agree()
    const names = await segmentNames(world.ports, testStream)
    await live(1)
    await world.lose(0, '{"text":"gone"}')
    await live(1)
    await run()
    await agree()
    expect(await segmentNames(world.ports, testStream)).not.toEqual(names)
  })
})

describe('changed views', () => {
  const changed = (): Stream => ({
    ...testStream,
    views: {
      records: testStream.views.records ?? fail(),
      byList: testStream.views.byList ?? fail(),
      byText: { ...(testStream.views.byText ?? fail()), slotMs: 60_000 },
      byFlag: { title: 'New', groupBy: ['text'], slotMs: 60_000, aggregates: { n: { kind: 'count' } } },
    },
  })

  it('have all of history at the next recompute, and the others are only added to', async () => {
    await live(4)
    await run()
    await live(2)
    world.stream = changed()
    await live(2)
    const result = await run()
    expect(Object.fromEntries(result.views.map(({ view, mode }) => [view, mode]))).toEqual({
      'test.records': 'added',
      'test.byList': 'added',
      'test.byText': 'full',
      'test.byFlag': 'full',
    })
    await agree()
  })

  it('are not published before their boards hold all from the horizon on', async () => {
    await live(4)
    await run()
    // In the middle of an epoch: records of it have been counted without the new views.
    await world.feed(0, JSON.stringify({ text: 'before' }))
    await world.feed(1, JSON.stringify({ text: 'before' }))
    await world.run()
    world.stream = changed()
    await world.feed(0, JSON.stringify({ text: 'after' }))
    await world.feed(1, JSON.stringify({ text: 'after' }))
    await world.run()
    world.clock.ms += MINUTE_MS / 2
    const mid = await run({ full: true })
    const modes = Object.fromEntries(mid.views.map(({ view, mode }) => [view, mode]))
    expect(modes).toEqual({
      'test.records': 'full',
      'test.byList': 'full',
      'test.byText': 'left',
      'test.byFlag': 'left',
    })
    expect(mid.views.find(({ view }) => view === 'test.byFlag')?.why).toMatch(/not published yet: its boards/)
    await live(3)
    const later = await run()
    expect(later.views.map(({ mode }) => mode).sort()).toEqual(['added', 'added', 'full', 'full'])
    await agree()
  })

  it('that come back are added to from where they stood', async () => {
    await live(4)
    await run()
    world.stream = changed()
    await live(4)
    await run()
    world.stream = testStream
    await live(4)
    const back = await run()
    expect(back.views.map(({ view, mode }) => [view, mode]).sort()).toEqual([
      ['test.byList', 'added'],
      ['test.byText', 'added'],
      ['test.records', 'added'],
    ])
    await agree()
  })
})

describe('retractions', () => {
  const stretch = { topic: 'test.raw.g1', partition: 1, from: 3, to: 8 }

  it('are left out from the next recompute on, in full where they lie in what stands', async () => {
    await live(5)
    const { ports } = world
    await run()
    const retraction = await recordRetraction(ports.keyed, stretch, 'a broken sensor', world.clock.ms)
    await live(2)
    const without = await run()
    expect(without.views.map(({ mode, why }) => [mode, why])).toEqual(
      Array(3).fill(['full', 'a retraction of records in it was recorded or withdrawn']),
    )
    expect(without.retractions).toEqual([retraction.id])
    await agree()
    await live(2)
    expect((await run()).views.map(({ mode }) => mode)).toEqual(['added', 'added', 'added'])
    await agree()
    await withdrawRetraction(ports.keyed, 'test', retraction.id, 'it was not', world.clock.ms)
    await live(1)
    expect((await run()).views.map(({ mode }) => mode)).toEqual(['full', 'full', 'full'])
    await agree()
  })

  it('of newer records do not make anything be built anew', async () => {
    await live(3)
    await run()
    await live(3)
    const { ports } = world
    await recordRetraction(ports.keyed, { ...stretch, from: 12, to: 15 }, 'broken', world.clock.ms)
    const names = await run()
    expect(names.views.map(({ mode }) => mode)).toEqual(['added', 'added', 'added'])
    await live(3)
    await run()
    await agree()
    const added = await segmentNames(ports, testStream)
    await run({ full: true })
    expect(await segmentNames(ports, testStream)).toEqual(added)
  })
})

describe('old things', () => {
  it('go after their time of grace, and answers stay the same', async () => {
    const { ports } = world
    const boards = async () => {
      let n = 0
      for (const view of viewsOf(testStream))
        for await (const _ of ports.keyed.query(`board/${view.id}/${view.version}`)) n++
      return n
    }
    await live(5)
    const all = await boards()
    await run()
    expect(await boards()).toBe(all)
    await live(2)
    await run()
    expect(await boards()).toBeGreaterThan(all)
    const [firstRun] = await batchObjects(ports, testStream, '/runs/')
    world.clock.ms += SETTINGS.graceMs + 1
    await live(2)
    const { horizon } = await run()
    const left = await boards()
    expect(left).toBeLessThan(all)
    await agree()
    // Of the boards that went none had been needed by a pointer within the time of grace.
    for (const view of viewsOf(testStream))
      for await (const { sk } of ports.keyed.query(`board/${view.id}/${view.version}`))
        expect(Number(sk.split('/')[1])).toBeGreaterThan(horizon - 70)
    expect(firstRun).toBeDefined()
    await agree()
  })
})

function fail(): never {
  throw new Error('the test stream has lost a view')
}
