import { expect, it } from 'vitest'
import { WatchTimer } from '../../lib/local/watch-timer.ts'
import type { TrendsMessage } from '../../lib/serve/dashboard-messages.ts'
import { Pump } from '../../lib/serve/push.ts'
import { socketHandler } from '../../lib/serve/socket.ts'
import { Watch } from '../../lib/serve/watch.ts'
import { network } from '../../streams/network.ts'
import { TrendsWorld, trendingPosts } from '../serve/trends/trends-world.ts'
import { AMPLE } from '../support/ports.ts'

const START_MS = 1_700_000_000_000
const SLIDE_MS = 10_000

it('a running pipeline pushes the tags of the last ten minutes, slide by slide, to who listens', async () => {
  const world = new TrendsWorld()
  const troubles: string[] = []
  const sentTo = () =>
    world.sent.map(({ to, frame }) => ({ to, message: JSON.parse(frame) as TrendsMessage }))
  const { ports } = world
  const settings = { frameIntervalMs: 0 }
  const socket = socketHandler(ports, new Pump(ports, [trendingPosts], settings), new Set(['posts']))
  const ask = (connectionId: string, message: object) =>
    socket({ requestContext: { connectionId, routeKey: '$default' }, body: JSON.stringify(message) }, AMPLE)
  const channel = 'trends/posts'
  const watch = new Watch(ports, [network, trendingPosts], settings)
  const nowMs = () => world.clock.ms
  const timer = new WatchTimer({ watch, nowMs, everyMs: 20, onTrouble: (message) => troubles.push(message) })
  const until = async (what: () => boolean) => {
    for (const untilMs = Date.now() + 60_000; !what() && Date.now() < untilMs; )
      await new Promise((resolve) => setTimeout(resolve, 10))
    expect(what()).toBe(true)
  }
  try {
    await ask('c1', { action: 'subscribe', channel })
    expect(sentTo()).toEqual([{ to: 'c1', message: { channel, from: '0', cursor: '0', slides: [] } }])
    world.clock.ms = START_MS + SLIDE_MS
    await world.count(0, [
      { eventTimeMs: START_MS, tags: ['a', 'a', 'b'] },
      { eventTimeMs: START_MS + SLIDE_MS, tags: ['b', 'b', 'c'] },
    ])
    await world.count(1, [{ eventTimeMs: START_MS + SLIDE_MS, tags: ['c'] }])
    timer.start()
    // Nothing more comes: at rest, what is there closes.
    world.clock.ms += 180_000
    await until(() => world.sent.length > 1)
    const first = {
      from: START_MS + SLIDE_MS - 600_000,
      to: START_MS + SLIDE_MS,
      top: [
        { key: 'a', count: 2 },
        { key: 'b', count: 1 },
      ],
      bursts: [],
      uses: 3,
      late: 0,
      provisional: true,
    }
    expect(sentTo()[1]).toMatchObject({ to: 'c1', message: { channel, from: '0' } })
    const { slides, cursor } = sentTo()[1]?.message ?? { slides: [], cursor: '' }
    expect(slides[0]).toEqual(first)
    expect(slides[1]?.top).toEqual([
      { key: 'b', count: 3 },
      { key: 'a', count: 2 },
      { key: 'c', count: 2 },
    ])
    expect([slides.length, cursor]).toEqual([2, String(first.to + SLIDE_MS)])
    // The latest at once for a new one, what is missing for one that was away, nothing for one that has it all.
    await ask('c2', { action: 'subscribe', channel })
    await ask('c3', { action: 'subscribe', channel, since: String(first.to) })
    await ask('c4', { action: 'subscribe', channel, since: cursor })
    expect(
      sentTo()
        .slice(2)
        .map(({ to, message }) => [to, message.from, message.slides, message.cursor]),
    ).toEqual([
      ['c2', '0', [slides[1]], cursor],
      ['c3', String(first.to), [slides[1]], cursor],
      ['c4', cursor, [], cursor],
    ])
    for (const connection of ['c2', 'c3']) await ask(connection, { action: 'unsubscribe', channel })
    await ask('c4', { action: 'subscribe', channel: 'trends/network' })
    expect(sentTo().at(-1)?.message).toMatchObject({ error: { code: 'NO_SUCH_CHANNEL' } })
    const before = world.sent.length
    for (const partition of [0, 1, 2])
      await world.count(partition, [{ eventTimeMs: world.clock.ms, tags: ['d'] }])
    world.clock.ms += 180_000
    await until(() => world.sent.length >= before + 2)
    const pushed = sentTo().slice(before)
    expect(pushed.map(({ to }) => to).sort()).toEqual(['c1', 'c4'])
    for (const { message } of pushed) {
      expect(message.from).toBe(cursor)
      expect(message.slides.at(-1)?.top[1]).toEqual({ key: 'd', count: 3 })
    }
    await timer.stop()
    expect(troubles).toEqual([])
  } finally {
    await timer.stop()
  }
})
