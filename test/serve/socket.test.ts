import { describe, expect, it } from 'vitest'
import type { ServerMessage } from '../../lib/serve/dashboard-messages.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import { sampleAlert } from './sample.ts'
import { CONTEXT, SimSite } from './sim-site.ts'

function setting() {
  const site = new SimSite(11)
  const { sim, world } = site
  const frames: ServerMessage[] = []
  world.clients.set('c', (frame) => void frames.push(JSON.parse(frame)))
  const send = async (message: unknown) => {
    frames.length = 0
    const body = typeof message === 'string' ? message : JSON.stringify(message)
    await sim.run(site.socket({ requestContext: { connectionId: 'c', routeKey: '$default' }, body }, CONTEXT))
    return [...frames]
  }
  const log = new AlertLog('sample', world.ports())
  const store = (n: number) => {
    const item = { pk: 'progress', sk: String(n), rev: '1', data: new Uint8Array(0) }
    return sim.run(log.append([sampleAlert(n)], { item, condition: 'absent' }))
  }
  return { site, sim, world, send, store }
}

const subscribe = (more: object = {}) => ({ action: 'subscribe', channel: 'alerts/sample', ...more })

describe('the socket function', () => {
  it('answers a subscription with where it begins, then sends what is there since', async () => {
    const { send, store } = setting()
    await store(0)
    await store(1)
    expect(await send(subscribe())).toEqual([
      { channel: 'alerts/sample', from: '2.0', cursor: '2.0', alerts: [] },
    ])
    expect(await send(subscribe({ since: '1.0' }))).toEqual([
      { channel: 'alerts/sample', from: '1.0', cursor: '1.0', alerts: [] },
      { channel: 'alerts/sample', from: '1.0', cursor: '2.0', alerts: [sampleAlert(1)] },
    ])
    for (const since of ['0', 'start', '0.0'])
      expect((await send(subscribe({ since }))).at(-1)).toMatchObject({ from: '0.0', cursor: '2.0' })
  })

  it.each([
    ['not JSON', '{', 'BAD_MESSAGE', /JSON/],
    ['no action', {}, 'BAD_MESSAGE', /action/],
    ['an action that there is not', { action: 'shout' }, 'BAD_MESSAGE', /action/],
    ['no channel', { action: 'subscribe' }, 'BAD_MESSAGE', /channel/],
    [
      'a channel of another kind',
      subscribe({ channel: 'secrets/sample' }),
      'BAD_MESSAGE',
      /alerts\/<stream>/,
    ],
    ['a stream that there is not', subscribe({ channel: 'alerts/none' }), 'NO_SUCH_CHANNEL', /none/],
    ['a since that is no cursor', subscribe({ since: 'yesterday' }), 'BAD_MESSAGE', /cursor/],
    ['a cursor beyond the end', subscribe({ since: '7.0' }), 'BAD_CURSOR', /ends before/],
    ['a filter by another member', subscribe({ where: { title: ['x'] } }), 'BAD_MESSAGE', /title/],
    ['a severity that there is not', subscribe({ where: { severity: ['bad'] } }), 'BAD_MESSAGE', /severity/],
    ['a member that there is not', subscribe({ sinse: '0' }), 'BAD_MESSAGE', /sinse/],
  ])('refuses %s', async (_, message, code, pattern) => {
    const { send, world } = setting()
    expect(await send(message)).toEqual([{ error: expect.objectContaining({ code }) }])
    const [answer] = await send(message)
    expect(answer && 'error' in answer ? answer.error.message : '').toMatch(pattern)
    expect(world.items.get('subscriptions/alerts/sample')?.size ?? 0).toBe(0)
  })

  it('never quotes back what a client sent in a filter', async () => {
    const { send } = setting()
    const text = JSON.stringify(await send(subscribe({ where: { group: [{ secret: 'hunter2' }] } })))
    expect(text).not.toContain('hunter2')
  })

  it('ends one subscription, or with the connection all of them', async () => {
    const { send, site, sim, world } = setting()
    for (const channel of ['alerts/sample', 'incidents/sample', 'status']) await send(subscribe({ channel }))
    const held = () => [...(world.items.get('connections/c')?.keys() ?? [])].sort()
    expect(held()).toEqual(['alerts/sample', 'incidents/sample', 'status'])
    await send({ action: 'unsubscribe', channel: 'alerts/sample' })
    expect(held()).toEqual(['incidents/sample', 'status'])
    await sim.run(site.socket({ requestContext: { connectionId: 'c', routeKey: '$disconnect' } }, CONTEXT))
    expect(held()).toEqual([])
    for (const channel of ['alerts/sample', 'incidents/sample', 'status'])
      expect(world.items.get(`subscriptions/${channel}`)?.size).toBe(0)
  })

  it('answers a ping, and sends what an interrupted sender left behind', async () => {
    const { send, store } = setting()
    await send(subscribe())
    await store(0)
    expect(await send({ action: 'ping' })).toEqual([
      { pong: true },
      { channel: 'alerts/sample', from: '0.0', cursor: '1.0', alerts: [sampleAlert(0)] },
    ])
    expect(await send({ action: 'ping' })).toEqual([{ pong: true }])
  })

  it('keeps a subscription of a connection that pings, beyond its three hours', async () => {
    const { send, sim, world } = setting()
    await send(subscribe())
    const expiry = () => world.items.get('subscriptions/alerts/sample')?.get('c')?.expiresAtS ?? 0
    for (let hour = 0; hour < 10; hour++) {
      await sim.run(sim.sleep(3_600_000))
      await send({ action: 'ping' })
      expect(expiry() * 1000).toBeGreaterThan(sim.nowMs() + 3_600_000)
      const index = world.items.get('connections/c')?.get('alerts/sample')
      expect((index?.expiresAtS ?? 0) * 1000).toBeGreaterThan(sim.nowMs() + 3_600_000)
    }
  })

  it('forgets a subscriber who has left before the answer', async () => {
    const { send, world } = setting()
    world.clients.delete('c')
    await send(subscribe())
    expect(world.items.get('subscriptions/alerts/sample')?.size).toBe(0)
  })

  it('reads a body in base64 as API Gateway may send it', async () => {
    const { site, sim, world } = setting()
    const frames: string[] = []
    world.clients.set('c', (frame) => void frames.push(frame))
    const body = Buffer.from('{"action":"ping"}').toString('base64')
    const requestContext = { connectionId: 'c', routeKey: '$default' }
    await sim.run(site.socket({ requestContext, body, isBase64Encoded: true }, CONTEXT))
    expect(frames).toEqual(['{"pong":true}'])
  })
})
