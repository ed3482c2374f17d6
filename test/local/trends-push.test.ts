import { expect, it } from 'vitest'
import { TrendsPush } from '../../lib/local/trends-push.ts'
import type { TrendsMessage } from '../../lib/serve/dashboard-messages.ts'
import { network } from '../../streams/network.ts'
import { posts } from '../../streams/posts.ts'
import { LocalWorld } from '../master/local-world.ts'

const START_MS = 1_700_000_000_000
const SLIDE_MS = 10_000

it('a running pipeline pushes the tags of the last ten minutes, slide by slide', async () => {
  const world = await LocalWorld.open(posts)
  const troubles: string[] = []
  const sent: { readonly to: string; readonly message: TrendsMessage }[] = []
  const push = new TrendsPush({
    ports: world.ports,
    streams: [network, posts],
    onTrouble: (message) => troubles.push(message),
    everyMs: 20,
    publisher: {
      send: async (to, frame) => {
        sent.push({ to, message: JSON.parse(frame) as TrendsMessage })
        return 'sent'
      },
    },
  })
  const post = (id: number, timestamp: number, tweet: string) =>
    JSON.stringify({ username: 'u', tweetid: id, timestamp, tweet })
  const until = async (what: () => boolean) => {
    for (const untilMs = Date.now() + 20_000; !what() && Date.now() < untilMs; )
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(what()).toBe(true)
  }
  try {
    expect([push.has('trends/posts'), push.has('trends/network')]).toEqual([true, false])
    await push.subscribe('trends/posts', 'c1')
    world.clock.ms = START_MS
    await world.feed(0, post(1, START_MS, '#a #a #b'), post(2, START_MS + SLIDE_MS, '#b #b #c'))
    await world.feed(1, post(3, START_MS + SLIDE_MS, '#c'))
    await world.run(['score', 'archive', 'count'], 10_000)
    world.clock.ms = START_MS + SLIDE_MS + 20_000
    push.start()
    await until(() => sent.length > 0)
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
      provisional: false,
    }
    expect(sent[0]).toEqual({
      to: 'c1',
      message: { channel: 'trends/posts', from: '0', cursor: String(first.to), slides: [first] },
    })
    world.clock.ms += SLIDE_MS
    await until(() => sent.length > 1)
    await push.subscribe('trends/posts', 'c2')
    expect(sent.slice(1).map(({ to, message }) => [to, message.slides[0]?.top])).toEqual(
      ['c1', 'c2'].map((to) => [
        to,
        [
          { key: 'b', count: 3 },
          { key: 'a', count: 2 },
          { key: 'c', count: 2 },
        ],
      ]),
    )
    push.unsubscribe('trends/posts', 'c1')
    push.disconnected('c2')
    world.clock.ms += SLIDE_MS
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(sent).toHaveLength(3)
    expect(troubles).toEqual([])
  } finally {
    await push.stop()
    await world.ports.close()
  }
})
