import { beforeEach, describe, expect, it } from 'vitest'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { AlertsMessage, TrendsMessage } from '../../lib/serve/dashboard-messages.ts'
import { Pump } from '../../lib/serve/push.ts'
import { type SocketHandler, socketHandler } from '../../lib/serve/socket.ts'
import { fittedSlide, readSlides, slideFrames } from '../../lib/serve/trends/slides.ts'
import { Watch, watchHandler } from '../../lib/serve/watch.ts'
import { AMPLE } from '../support/ports.ts'
import { PARTITIONS, TrendsWorld, trendingPosts } from './trends/trends-world.ts'

const SETTINGS = { frameIntervalMs: 0 }
const NEVER_MS = Number.POSITIVE_INFINITY
const SLIDE_MS = 10_000
const CHANNEL = 'trends/posts'

describe('watch', () => {
  let world: TrendsWorld
  let socket: SocketHandler
  beforeEach(() => {
    world = new TrendsWorld()
    socket = socketHandler(world.ports, new Pump(world.ports, [trendingPosts], SETTINGS), new Set(['posts']))
  })

  const watch = (ports = world.ports) => new Watch(ports, [trendingPosts], SETTINGS)
  const ask = (connectionId: string, message: object) =>
    socket({ requestContext: { connectionId, routeKey: '$default' }, body: JSON.stringify(message) }, AMPLE)
  const subscribe = (connectionId: string, channel: string, more: object = {}) =>
    ask(connectionId, { action: 'subscribe', channel, ...more })
  const framesTo = <T>(connectionId: string) =>
    world.sent.filter(({ to }) => to === connectionId).map(({ frame }) => JSON.parse(frame) as T)
  /** Ten seconds go by, and every partition gives a post with these tags. */
  async function tick(tags: readonly string[] = ['a']): Promise<void> {
    world.clock.ms += SLIDE_MS
    for (let partition = 0; partition < PARTITIONS; partition++)
      await world.count(partition, [{ eventTimeMs: world.clock.ms, tags }])
  }
  async function look(one = watch()): Promise<void> {
    expect((await one.trends(NEVER_MS)).failures).toEqual([])
  }

  it('sends each slide once to who stays, in frames that follow one another, and forgets who is gone', async () => {
    for (const id of ['c1', 'c2']) await subscribe(id, CHANNEL)
    for (let i = 0; i < 12; i++) {
      await tick()
      if (i === 6) world.gone.add('c2')
      if (i % 3 === 2) await look()
    }
    const frames = framesTo<TrendsMessage>('c1')
    const slides = await readSlides(world.keyed, 'posts', { limit: 100 })
    expect(slides.length).toBeGreaterThan(8)
    expect(frames.flatMap((frame) => frame.slides)).toEqual(slides)
    for (const [i, { from }] of frames.slice(1).entries()) expect(from).toBe(frames[i]?.cursor)
    expect([...world.keyed.items.keys()].filter((key) => key.includes('c2'))).toEqual([])
    expect([...world.keyed.items.keys()].filter((key) => key.includes('c1'))).toHaveLength(2)
  })

  it('sends what a function that died between storing and sending left behind', async () => {
    await subscribe('c1', CHANNEL)
    for (let i = 0; i < 6; i++) await tick()
    // It closes, and dies: nothing is sent.
    await world.closer().close(NEVER_MS)
    expect(framesTo<TrendsMessage>('c1').flatMap(({ slides }) => slides)).toEqual([])
    await look()
    const [, frame] = framesTo<TrendsMessage>('c1')
    expect(frame?.slides).toEqual(await readSlides(world.keyed, 'posts', { limit: 100 }))
    await look()
    expect(framesTo('c1')).toHaveLength(2)
  })

  it('says by `from` to whom a frame did not reach that one is missing, who then gets it by asking', async () => {
    await subscribe('c1', CHANNEL)
    for (let i = 0; i < 4; i++) await tick()
    await look()
    const { cursor } = framesTo<TrendsMessage>('c1').at(-1) ?? { cursor: '' }
    await tick()
    let refused = 0
    const publisher = {
      ...world.ports.publisher,
      send: async () => {
        refused++
        throw new Error('503')
      },
    }
    await look(watch({ ...world.ports, publisher }))
    expect(refused).toBe(1)
    await tick()
    await look()
    expect(framesTo<TrendsMessage>('c1').at(-1)?.from).not.toBe(cursor)
    await subscribe('c1', CHANNEL, { since: cursor })
    const answer = framesTo<TrendsMessage>('c1').at(-1)
    expect([answer?.from, answer?.slides.length]).toEqual([cursor, 2])
  })

  it('starts where this store is for who comes from another, and refuses what is no cursor', async () => {
    await subscribe('c1', CHANNEL, { since: 'start' })
    await subscribe('c2', CHANNEL, { since: '1795244340000' })
    for (const id of ['c1', 'c2'])
      expect(framesTo<TrendsMessage>(id)).toEqual([expect.objectContaining({ cursor: '0', slides: [] })])
    for (let i = 0; i < 4; i++) await tick()
    await look()
    const latest = (await readSlides(world.keyed, 'posts', { limit: 1 })).at(-1)
    const since = String((latest?.to ?? 0) + 60_000)
    await subscribe('c3', CHANNEL, { since })
    expect(framesTo<TrendsMessage>('c3')).toEqual([
      { channel: CHANNEL, from: since, cursor: String(latest?.to), slides: [latest] },
    ])
    await subscribe('c4', CHANNEL, { since: '1.5' })
    await subscribe('c5', CHANNEL, { where: { severity: ['high'] } })
    await subscribe('c6', 'trends/network')
    await subscribe('c7', 'alerts/posts', { since: '1795244340000' })
    expect(
      ['c4', 'c5', 'c6', 'c7'].map((id) => framesTo<{ error: { code: string } }>(id)[0]?.error.code),
    ).toEqual(['BAD_CURSOR', 'BAD_MESSAGE', 'NO_SUCH_CHANNEL', 'BAD_CURSOR'])
  })

  it('raises a burst once and sends it to who listens to alerts, also by a function that did not raise it', async () => {
    await subscribe('c1', 'incidents/posts')
    for (let i = 0; i < 80; i++) await tick(i === 76 ? Array.from({ length: 20 }, () => 'boom') : ['a'])
    await world.closer().close(NEVER_MS)
    expect(framesTo<AlertsMessage>('c1').flatMap(({ alerts }) => alerts)).toEqual([])
    const { failures } = await watch().alerts(NEVER_MS)
    expect(failures).toEqual([])
    await look()
    await watch().alerts(NEVER_MS)
    const alerts = framesTo<AlertsMessage>('c1').flatMap((frame) => frame.alerts)
    expect(alerts).toHaveLength(1)
    expect(alerts[0]).toMatchObject({
      title: 'Burst of boom: 60 uses in a minute, 0 expected',
      group: 'boom',
      severity: 'high',
      count: 1,
      record: { hashtags: 'boom', uses: 60 },
    })
    expect(alerts[0]?.score).toBeGreaterThanOrEqual(alerts[0]?.threshold ?? Number.POSITIVE_INFINITY)
    const slide = (await readSlides(world.keyed, 'posts', { limit: 100 })).find(
      ({ bursts }) => bursts.length > 0,
    )
    expect(slide?.bursts.map(({ key }) => key)).toEqual(['boom'])
    expect(alerts[0]?.lastSeenMs).toBe((slide?.to ?? 0) - 1)
  })

  it('stays for its minute while somebody listens, and only then', async () => {
    const context = { getRemainingTimeInMillis: () => 70_000 }
    const handler = watchHandler(world.ports, watch())
    let startedMs = world.clock.ms
    await handler({}, context)
    expect(world.clock.ms).toBe(startedMs)
    await subscribe('c1', CHANNEL)
    startedMs = world.clock.ms
    await handler({}, context)
    expect(world.clock.ms - startedMs).toBe(50_000)
  })

  it('fails where something failed, after everything else was done', async () => {
    for (let i = 0; i < 4; i++) await tick()
    const other = { ...trendingPosts, name: 'others' }
    const query: KeyedStore['query'] = (pk, range) => {
      if (pk.startsWith('progress/count/others')) throw new Error('the table is gone')
      return world.keyed.query(pk, range)
    }
    const keyed = new Proxy<KeyedStore>(world.keyed, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        return name === 'query' ? query : typeof member === 'function' ? member.bind(target) : member
      },
    })
    const ports = { ...world.ports, keyed }
    const handler = watchHandler(ports, new Watch(ports, [other, trendingPosts], SETTINGS))
    await expect(handler({}, AMPLE)).rejects.toThrow(/^trends of others: the table is gone$/)
    expect(await readSlides(world.keyed, 'posts', { limit: 100 })).not.toEqual([])
  })
})

describe('frames of slides', () => {
  const slide = (to: number, keyBytes: number) => ({
    ...{ from: to - 600_000, to, uses: 1, late: 0, provisional: false },
    top: Array.from({ length: 20 }, (_, i) => ({ key: `${i}`.padEnd(keyBytes, '\u0001'), count: 20 - i })),
    bursts: Array.from({ length: 30 }, (_, i) => ({
      ...{ key: `${i}`.padEnd(keyBytes, 'b'), uses: 10, expected: 1 },
      log10P: -5 - i,
    })),
  })

  it('hold any slide, its least at the end left out, and follow one another', () => {
    const slides = [0, 20, 100, 270].flatMap((bytes, n) =>
      [1, 2, 3].map((i) => fittedSlide(slide((n * 3 + i) * SLIDE_MS, bytes))),
    )
    const frames = [...slideFrames('posts', '0', slides, 32_768)]
    const messages = frames.map((frame) => JSON.parse(frame) as TrendsMessage)
    for (const frame of frames) expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(32_768)
    expect(frames.length).toBeGreaterThan(1)
    expect(messages.flatMap((message) => message.slides)).toEqual(slides)
    for (const [i, { from }] of messages.entries()) expect(from).toBe(messages[i - 1]?.cursor ?? '0')
    expect(messages.at(-1)?.cursor).toBe('120000')
    for (const one of slides) {
      expect(one.cut).toBe(true)
      expect(one.bursts[0]?.log10P).toBe(-34)
      expect(one.top.map(({ count }) => count)).toEqual(one.top.map((_, i) => 20 - i))
    }
    expect(slides[0]?.top).toHaveLength(20)
    expect(slides.at(-1)?.top.length).toBeGreaterThan(5)
  })
})
