import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { topKeys } from '../../../lib/serve/query/top.ts'
import { compileView } from '../../../lib/views/view.ts'
import { LocalWorld } from '../../master/local-world.ts'
import { testStream } from '../../master/test-stream.ts'

const view = compileView('test', 'byText', testStream.views.byText ?? (undefined as never))
const MINUTE = 60_000

describe('the top keys of a window', () => {
  let world: LocalWorld
  let startMs: number
  beforeEach(async () => {
    world = await LocalWorld.open(testStream)
    world.clock.ms = view.slotOf(world.clock.ms)
    startMs = world.clock.ms
    // Slots of five minutes: [old], [a a b], [b c c c with large sums].
    await world.feed(0, '{"text":"old","integer":100}')
    world.clock.ms += 5 * MINUTE
    await world.feed(0, '{"text":"a","integer":1}', '{"text":"a","integer":1}')
    await world.feed(1, '{"text":"b","integer":50}')
    world.clock.ms += 5 * MINUTE
    await world.feed(1, '{"text":"b","integer":1}', '{"text":"c"}', '{"text":"c"}', '{"text":"c"}')
    await world.run()
  })
  afterEach(() => world.ports.close())

  const top = (options: object) =>
    topKeys(
      world.ports,
      view,
      { windowMs: 10 * MINUTE, atMs: world.clock.ms + 1, k: 10, ...options },
      world.clock.ms,
    )
  const keys = async (options: object) => (await top(options)).rows.map(({ key }) => key)

  it('ranks by the first aggregate, equals by key', async () => {
    expect(await keys({})).toEqual(['c', 'a', 'b'])
    expect(await keys({ k: 1 })).toEqual(['c'])
    expect(await top({ k: 1 })).toMatchObject({ keys: 3, by: 'count' })
  })

  it('ranks by another aggregate; keys without a value come last', async () => {
    expect(await keys({ by: 'sum' })).toEqual(['b', 'a', 'c'])
    await expect(top({ by: 'nothing' })).rejects.toThrow(RangeError)
  })

  it('takes whole slots, the one that holds the moment before the end the last', async () => {
    expect((await top({ atMs: startMs + 10 * MINUTE })).window).toEqual({
      from: new Date(startMs).toISOString(),
      to: new Date(startMs + 10 * MINUTE).toISOString(),
    })
    expect(await keys({ atMs: startMs + 10 * MINUTE })).toEqual(['a', 'b', 'old'])
    expect(await keys({ atMs: startMs + 10 * MINUTE, windowMs: 1 })).toEqual(['a', 'b'])
    expect(await keys({ atMs: startMs + 5 * MINUTE, windowMs: 1 })).toEqual(['old'])
    expect(await keys({ atMs: startMs - 1 })).toEqual([])
    expect(await keys({ windowMs: 11 * MINUTE })).toEqual(['c', 'a', 'b', 'old'])
  })
})
