import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queryView } from '../../lib/serve/query.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { compileView } from '../../lib/views/view.ts'
import { LocalWorld } from '../master/local-world.ts'
import { testStream } from '../master/test-stream.ts'

const ADDED = {
  title: 'By flag',
  groupBy: ['flag'],
  slotMs: 60_000,
  aggregates: { count: { kind: 'count' } },
} as const
const withView: Stream = { ...testStream, views: { ...testStream.views, byFlag: ADDED } }
const view = compileView('test', 'byFlag', ADDED)

describe('a view that is newer than its records', () => {
  let world: LocalWorld
  beforeEach(async () => {
    world = await LocalWorld.open(testStream)
  })
  afterEach(() => world.ports.close())

  async function feed(records: number, release: Stream): Promise<number> {
    world.stream = release
    world.clock.ms += 1_000
    const first = world.clock.ms
    const lines = Array.from({ length: records / 2 }, (_, i) => `{"text":"t${i % 7}","flag":${i % 3 === 0}}`)
    for (const partition of [0, 1]) await world.feed(partition, ...lines)
    await world.run(['score', 'archive', 'count'], 100)
    world.clock.ms += 1_000
    return first
  }
  const query = () => queryView(world.ports, view, {}, world.clock.ms)
  const counted = async () => (await query()).rows.reduce((sum, { count }) => sum + Number(count), 0)
  const verify = (stream = withView) => verifyStream(world.ports, stream)
  const iso = (ms: number) => new Date(ms).toISOString()

  it('says since when it is complete, and verify holds it to that', async () => {
    await feed(1_000, testStream)
    expect(await query()).toMatchObject({ rows: [], since: iso(world.clock.ms) })
    expect(await verify()).toMatchObject({ exact: true, problems: [] })
    const first = await feed(50, withView)
    expect((await query()).since).toBe(iso(first))
    expect(await counted()).toBe(50)
    const report = await verify()
    expect(report).toMatchObject({ exact: true, complete: true, problems: [] })
    expect(report.partitions.map(({ boards }) => boards.partial)).toEqual([0, 0])
    const old = compileView('test', 'byText', testStream.views.byText ?? ADDED)
    expect((await queryView(world.ports, old, {}, world.clock.ms)).since).toBeNull()
    await feed(50, withView)
    expect((await query()).since).toBe(iso(first))
    expect(await verify()).toMatchObject({ exact: true, complete: true, problems: [] })
  })

  it('is still judged: a board that lost a record of its time is found', async () => {
    await feed(100, testStream)
    await feed(50, withView)
    for await (const { pk, sk } of world.ports.keyed.query(`board/${view.id}/${view.version}`))
      await world.ports.keyed.delete(pk, sk, 'any')
    const { problems } = await verify()
    expect(problems.map(({ what }) => what)).toEqual([
      'no such board, though 2 keys belong on it',
      'no such board, though 2 keys belong on it',
    ])
  })

  it('is complete from the start where it was there before the first record', async () => {
    await feed(50, withView)
    expect((await query()).since).toBeNull()
    expect(await counted()).toBe(50)
  })

  it('notices that it was left out for a while, as when a release is taken back', async () => {
    await feed(40, withView)
    await feed(20, testStream)
    expect((await query()).since).toBe(iso(world.clock.ms))
    expect(await verify()).toMatchObject({ exact: true, problems: [] })
    const again = await feed(30, withView)
    expect((await query()).since).toBe(iso(again))
    expect(await counted()).toBe(70)
    const report = await verify()
    expect(report).toMatchObject({ exact: true, complete: true, problems: [] })
    expect(report.partitions.every(({ boards }) => boards.partial === 1)).toBe(true)
    await verify(testStream).then(({ exact }) => expect(exact).toBe(true))
  })
})
