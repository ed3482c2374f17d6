import { beforeEach, describe, expect, it } from 'vitest'
import { RETIRED_MS } from '../../lib/batch/expire-versions.ts'
import { queryView } from '../../lib/serve/query.ts'
import { readBatchPointer } from '../../lib/state/batch-pointer.ts'
import { versionName } from '../../lib/state/view-since.ts'
import { readViewVersions } from '../../lib/state/view-versions.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { compileView } from '../../lib/views/view.ts'
import { testStream } from '../master/test-stream.ts'
import { driveRun, MemoryWorld } from './memory-world.ts'
import { answers, oracle, viewsOf } from './world.ts'

const DAY_MS = 86_400_000
const extra = {
  title: 'Of one release',
  groupBy: ['text'],
  slotMs: 60_000,
  aggregates: { sum: { kind: 'sum' as const, field: 'integer' } },
}
const withExtra: Stream = { ...testStream, views: { ...testStream.views, extra } }
const view = compileView('test', 'extra', extra)

let world: MemoryWorld
let runs = 0
beforeEach(() => {
  world = new MemoryWorld(withExtra)
  runs = 0
})

/** Some records, and a recompute under the release that stands. */
async function day(passMs = DAY_MS): Promise<void> {
  for (let i = 0; i < 4; i++) world.append(i % 2, { text: `t${i % 3}`, integer: i, list: [] })
  await world.settle()
  world.pass(passMs)
  await driveRun(world.ports, world.stream, `run-${runs++}`)
}

const boards = () =>
  [...world.keyed.items.keys()].filter((key) => key.startsWith(`board/${versionName(view)}\u0000`)).length

async function agree(): Promise<void> {
  for (const one of viewsOf(world.stream))
    expect(await answers(world.ports, one), one.id).toEqual(await oracle(world.ports, world.stream, one))
}

describe('boards of a view that left the release', () => {
  it('stay while it may be taken back, then go, and coming back it is right again', async () => {
    await day()
    await day()
    // Counted after the last run: its boards lie above every horizon that it was published with.
    for (let i = 0; i < 4; i++) world.append(i % 2, { text: 'last', integer: i, list: [] })
    await world.settle()
    world.stream = testStream
    const left = world.clock.ms
    while (world.clock.ms + DAY_MS < left + RETIRED_MS) await day()
    expect(boards()).toBeGreaterThan(0)
    await day()
    expect((await readBatchPointer(world.keyed, 'test'))?.views[versionName(view)]).toBeDefined()
    await day()
    await day()
    await day()
    expect((await readBatchPointer(world.keyed, 'test'))?.views[versionName(view)]).toBeUndefined()
    expect(boards()).toBe(0)
    expect((await readViewVersions(world.keyed, 'test'))[versionName(view)]).toMatchObject({ gone: true })
    await agree()

    world.stream = withExtra
    world.append(0, { text: 'back', integer: 5, list: [] })
    await world.settle()
    // It has no batch view yet, and its older boards are gone: nothing is answered rather than too little.
    await expect(queryView(world.ports, view, {}, world.clock.ms)).rejects.toThrow('are gone')
    await day()
    expect((await queryView(world.ports, view, {}, world.clock.ms)).since).toBeNull()
    await day()
    await agree()
    expect((await readViewVersions(world.keyed, 'test'))[versionName(view)]).not.toHaveProperty('gone')
  })

  it('go as well where it was never published', async () => {
    world.stream = testStream
    await day()
    for (let i = 0; i < 6; i++) world.append(i % 2, { text: 'before it', integer: i, list: [] })
    await world.settle()
    world.stream = withExtra
    for (let i = 0; i < 6; i++) world.append(i % 2, { text: 'counted', integer: i, list: [] })
    await world.settle()
    // Nothing is over yet: the view's boards do not hold all from the horizon on.
    await driveRun(world.ports, world.stream, 'unpublished')
    expect((await readBatchPointer(world.keyed, 'test'))?.views[versionName(view)]).toBeUndefined()
    expect(boards()).toBeGreaterThan(0)
    world.stream = testStream
    const left = world.clock.ms
    while (world.clock.ms <= left + RETIRED_MS) {
      expect(boards()).toBeGreaterThan(0)
      await day()
    }
    expect(boards()).toBe(0)
    await agree()
  })

  it('stay for as long as any release declares it, whatever others do', async () => {
    await day()
    for (let i = 0; i < 24; i++) {
      world.stream = i % 2 === 0 ? testStream : withExtra
      await day()
    }
    world.stream = withExtra
    world.append(0, { text: 'now', integer: 1, list: [] })
    await world.settle()
    expect(boards()).toBeGreaterThan(0)
  })
})
