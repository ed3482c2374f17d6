import { expect, it } from 'vitest'
import { TrendsCloser } from '../../../lib/serve/trends/close.ts'
import { readSlides } from '../../../lib/serve/trends/slides.ts'
import { trendingView } from '../../../lib/serve/trends/trending-view.ts'
import { AlertLog } from '../../../lib/state/alert-log.ts'
import type { Stream } from '../../../lib/stream/define.ts'
import { driveRun, MemoryWorld } from '../../batch/memory-world.ts'
import { indexes } from '../../batch/world.ts'
import { trendingPosts } from './trends-world.ts'

const PARTITIONS = 2
const DAY_MS = 86_400_000
const stream: Stream = { ...trendingPosts, partitions: PARTITIONS }

class Replay {
  readonly world = new MemoryWorld(stream)
  readonly #oldMs: number
  #runs = 0
  #posts = 0

  /** `oldMs`: the event time that posts are told from. */
  constructor(oldMs: number) {
    this.#oldMs = oldMs
  }

  post(partition: number, tag: string, afterMs: number): void {
    const value = { username: 'u', tweetid: `t${this.#posts++}`, tweet: '', hashtags: [tag], author_posts: 0 }
    this.world.append(partition, value, this.#oldMs + afterMs)
  }

  async close(): Promise<void> {
    const { ports } = this.world
    const view = trendingView(stream)
    if (view === undefined) throw new Error('no view trending')
    const log = new AlertLog('posts', ports)
    const closer = new TrendsCloser({ ports, stream: 'posts', partitions: PARTITIONS, view, log })
    await this.world.settle()
    await closer.close(Number.POSITIVE_INFINITY)
  }

  async recompute(): Promise<void> {
    const result = await driveRun(this.world.ports, stream, `run-${this.#runs++}`)
    expect(result).toMatchObject({ published: true })
  }
}

/** Partition 1 lags: it comes to the posts of partition 0 after `recomputes` recomputes that cover these. */
async function slidesOf(oldMs: number, recomputes: number) {
  const replay = new Replay(oldMs)
  const { world } = replay
  for (let i = 0; i < 60; i++) replay.post(0, 'a', i * 10_000)
  replay.post(1, 'b', 0)
  await replay.close()
  for (let i = 0; i < 3; i++) {
    world.pass(70_000)
    // A post of each epoch, so that there is something to cover, and the lagging one is not left out.
    replay.post(1, 'c', i)
    await replay.close()
    if (i < recomputes) await replay.recompute()
  }
  for (let i = 0; i < 60; i++) replay.post(1, 'b', i * 10_000)
  replay.post(0, 'a', 700_000)
  replay.post(1, 'a', 700_000)
  await replay.close()
  const slides = await readSlides(world.keyed, 'posts', { limit: 1000 })
  return { slides, world }
}

const NOW_MS = new MemoryWorld(stream).clock.ms
// The trending view keeps two days, its batch view a day more, and whole days of UTC.
const MIDNIGHT_MS = Math.floor((NOW_MS - 3 * DAY_MS) / DAY_MS) * DAY_MS

it.each([
  ['all', NOW_MS - 400 * DAY_MS],
  ['some', MIDNIGHT_MS - 300_000],
  ['none', NOW_MS - DAY_MS],
] as const)(
  'posts of which the batch view leaves out %s trend as without a recompute',
  async (leftOut, oldMs) => {
    const { slides: due } = await slidesOf(oldMs, 0)
    expect(due.length).toBeGreaterThan(60)
    expect(Math.max(...due.map(({ uses }) => uses))).toBeGreaterThan(100)
    for (const recomputes of [1, 3]) {
      const { slides, world } = await slidesOf(oldMs, recomputes)
      const [index] = Object.values(await indexes(world.ports, stream))
      const keptMs = index?.keptFromMs ?? 0
      expect(keptMs > oldMs + 700_000 ? 'all' : keptMs > oldMs ? 'some' : 'none').toBe(leftOut)
      expect(slides).toEqual(due)
    }
  },
)
