import { expect, it } from 'vitest'
import type { TrendSlide, TrendsMessage } from '../../../lib/serve/dashboard-messages.ts'
import { pushSlides } from '../../../lib/serve/trends/push.ts'
import { cursorOf, SLIDES_SENT_MAX, slidePuts } from '../../../lib/serve/trends/slides.ts'
import { TrendsStateStore } from '../../../lib/serve/trends/state.ts'
import { beginningFrames } from '../../../lib/serve/trends/subscribe.ts'
import { SubscriptionStore } from '../../../lib/state/subscriptions.ts'
import { TrendsWorld } from './trends-world.ts'

const FIRST_MS = 1_700_000_000_000
const SLIDE_MS = 10_000

function slideAt(i: number): TrendSlide {
  const to = FIRST_MS + i * SLIDE_MS
  return { from: to - 600_000, to, top: [], bursts: [], uses: 1, late: 0, provisional: false }
}

/** Writes slides as a closer does, and pushes them: what the one listener is sent. */
class Pushing {
  readonly world = new TrendsWorld()
  readonly #subscriptions = new SubscriptionStore(this.world.keyed, this.world.clock)
  #rev: string | undefined
  #slides = 0

  async begin(): Promise<this> {
    const position = { page: 0, index: 0 }
    await this.#subscriptions.begin({ channel: 'trends/posts', connectionId: 'one', position })
    return this
  }

  async close(count: number): Promise<readonly TrendSlide[]> {
    const { ports, clock } = this.world
    const slides = Array.from({ length: count }, (_, i) => slideAt(this.#slides + i))
    const lastTo = Number(cursorOf(slides.at(-1)))
    const put = await new TrendsStateStore(ports, 'posts').replacing(
      { rev: this.#rev },
      { lastTo },
      undefined,
    )
    for (const one of [put, ...slidePuts('posts', slides, clock.ms / 1000 + 1000)])
      expect((await ports.keyed.transact([one])).ok).toBe(true)
    this.#rev = put.item.rev
    this.#slides += count
    return slides
  }

  async push(): Promise<readonly TrendsMessage[]> {
    const { ports, sent } = this.world
    sent.length = 0
    await pushSlides(ports, 'posts', this.#subscriptions)
    return sent.map(({ frame }) => JSON.parse(frame) as TrendsMessage)
  }
}

it('a push of as many slides as are sent at once follows on the one before', async () => {
  const pushing = await new Pushing().begin()
  await pushing.close(1)
  const [first] = await pushing.push()
  const slides = await pushing.close(SLIDES_SENT_MAX)
  const frames = await pushing.push()
  expect(frames.flatMap((frame) => frame.slides)).toEqual(slides)
  expect(frames[0]?.from).toBe(first?.cursor)
})

it('a push that leaves slides out says so by `from`, and who asks again is answered from its cursor on', async () => {
  const pushing = await new Pushing().begin()
  await pushing.close(1)
  const [first] = await pushing.push()
  const slides = await pushing.close(SLIDES_SENT_MAX + 40)
  const frames = await pushing.push()
  expect(frames.flatMap((frame) => frame.slides)).toEqual(slides.slice(40))
  expect(frames[0]?.from).toBe(cursorOf(slides[39]))
  expect(frames[0]?.from).not.toBe(first?.cursor)
  const answer = await beginningFrames(pushing.world.ports, 'posts', first?.cursor)
  expect(JSON.parse(answer?.[0] ?? '{}')).toMatchObject({ from: first?.cursor })
  // The next push follows on this one.
  await pushing.close(1)
  expect((await pushing.push())[0]?.from).toBe(cursorOf(slides.at(-1)))
})

it('one slide too many is told too', async () => {
  const pushing = await new Pushing().begin()
  await pushing.close(1)
  await pushing.push()
  const slides = await pushing.close(SLIDES_SENT_MAX + 1)
  expect((await pushing.push())[0]?.from).toBe(cursorOf(slides[0]))
})
