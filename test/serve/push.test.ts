import { afterEach, describe, expect, it, vi } from 'vitest'
import { Pump } from '../../lib/serve/push.ts'
import { AlertActions } from '../../lib/state/alert-actions.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { Alert, AlertFilter } from '../../lib/stream/alert.ts'
import { START_MS, sampleAlert, sampleStream } from './sample.ts'
import { SimClient } from './sim-client.ts'
import { SimSite } from './sim-site.ts'

let commits = 0

function setting(frameIntervalMs = 1_000) {
  const site = new SimSite(5, { frameIntervalMs })
  const { sim, world } = site
  const ports = world.ports()
  const log = new AlertLog('sample', ports)
  const pump = new Pump(ports, [sampleStream], { frameIntervalMs })
  const push = (budgetMs = 3_000) =>
    sim.run(pump.run('sample', { owner: 'p0', mine: ['p0'], untilMs: sim.nowMs() + budgetMs }))
  const store = (...alerts: Alert[]) => {
    const item = { pk: 'progress', sk: String(commits++), rev: '1', data: new Uint8Array(0) }
    return sim.run(log.append(alerts, { item, condition: 'absent' }))
  }
  const client = async (subscription: { channel: string; where?: AlertFilter }) => {
    const made = new SimClient(site, subscription)
    await sim.run(made.connect())
    return made
  }
  return { sim, world, store, client, push }
}

const some = (n: number, more: Partial<Alert> = {}) =>
  Array.from({ length: n }, (_, i) => sampleAlert(i, more))
const silenced = () => vi.spyOn(console, 'error').mockImplementation(() => undefined)
afterEach(() => vi.restoreAllMocks())

describe('Pump', () => {
  it('sends the first frame at once and coalesces what follows, one frame an interval', async () => {
    const { sim, store, client, push } = setting()
    const listener = await client({ channel: 'alerts/sample' })
    const startMs = sim.nowMs()
    for (let i = 0; i < 5; i++) {
      await store(sampleAlert(2 * i), sampleAlert(2 * i + 1))
      await push()
    }
    expect(listener.frames.map(({ atMs }) => atMs - startMs)).toEqual([0, 1_000, 2_000, 3_000, 4_000])
    expect(listener.taken.map(({ origin }) => origin.offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('waits out the interval for a trailing frame in one invocation only', async () => {
    const { sim, store, client, push, world } = setting()
    const listener = await client({ channel: 'alerts/sample' })
    await store(sampleAlert(0))
    await push()
    await store(sampleAlert(1))
    const startMs = sim.nowMs()
    const endsMs: number[] = []
    const other = new Pump(world.ports(), [sampleStream], { frameIntervalMs: 1_000 })
    const work = (owner: string) => ({ owner, mine: [owner], untilMs: sim.nowMs() + 3_000 })
    const runs = ['a', 'b', 'c'].map(async (owner) => {
      await other.run('sample', work(owner))
      endsMs.push(sim.nowMs() - startMs)
    })
    await sim.run(Promise.all(runs))
    expect(endsMs.sort((a, b) => a - b)).toEqual([0, 0, 1_000])
    expect(listener.taken).toHaveLength(2)
    expect(listener.repeats).toBe(0)
  })

  it('leaves a frame that is due after its deadline to the next invocation', async () => {
    const { store, client, push } = setting()
    const listener = await client({ channel: 'alerts/sample' })
    await store(sampleAlert(0))
    await push()
    await store(sampleAlert(1))
    expect(await push(500)).toEqual({ frames: 0, behind: 1 })
    expect(await push()).toEqual({ frames: 1, behind: 0 })
    expect(listener.taken).toHaveLength(2)
  })

  it('pushes no incident of a suppressed group, but its alerts one by one, and its incidents again afterwards', async () => {
    const { sim, store, client, push, world } = setting()
    const each = await client({ channel: 'alerts/sample' })
    const grouped = await client({ channel: 'incidents/sample' })
    const actions = new AlertActions('sample', world.ports())
    const groups = () => grouped.taken.map(({ group, count }) => [group, count])
    await sim.run(actions.suppress('h1'))
    await store(...some(9))
    await push()
    expect(each.taken).toHaveLength(9)
    expect(groups()).toEqual([
      ['h0', 3],
      ['h2', 3],
    ])
    await sim.run(actions.unsuppress('h1'))
    await sim.run(sim.sleep(2_000))
    await store(sampleAlert(10))
    await push()
    expect(groups()).toEqual([
      ['h0', 3],
      ['h2', 3],
      ['h1', 1],
    ])
  })

  it('cuts a storm into frames of 32 KB at most and drops nothing', async () => {
    const { store, client, push } = setting()
    const each = await client({ channel: 'alerts/sample' })
    const grouped = await client({ channel: 'incidents/sample' })
    await store(...some(3_000, { record: { text: 'x'.repeat(300) } }))
    await push()
    expect(each.taken.map(({ origin }) => origin.offset)).toEqual(some(3_000).map((_, i) => i))
    expect(Math.max(...each.frames.map(({ sizeBytes }) => sizeBytes))).toBeLessThanOrEqual(32 * 1024)
    expect(Math.max(...each.frames.map(({ sizeBytes }) => sizeBytes))).toBeGreaterThan(30 * 1024)
    expect(grouped.frames).toHaveLength(1)
    expect(grouped.taken).toHaveLength(3)
    expect(grouped.taken.map(({ count }) => count)).toEqual([1_000, 1_000, 1_000])
  })

  it('cuts a storm of many groups into several frames of incidents that add up', async () => {
    const { store, client, push } = setting()
    const grouped = await client({ channel: 'incidents/sample' })
    const storm = Array.from({ length: 2_000 }, (_, i) =>
      sampleAlert(i, { group: `g${i % 400}`, score: (i % 97) / 97, record: { text: 'é'.repeat(i % 200) } }),
    )
    await store(...storm)
    await push()
    expect(grouped.frames.length).toBeGreaterThan(1)
    expect(Math.max(...grouped.frames.map(({ sizeBytes }) => sizeBytes))).toBeLessThanOrEqual(32 * 1024)
    expect(grouped.taken.reduce((sum, { count }) => sum + count, 0)).toBe(2_000)
    expect(new Set(grouped.taken.map(({ id }) => id)).size).toBe(400)
  })

  it('sends an alert whose record is larger than a frame without the record', async () => {
    const { store, client, push } = setting()
    const listener = await client({ channel: 'alerts/sample' })
    const big = '"'.repeat(100_000)
    const nested = { list: Array.from({ length: 50_000 }, (_, i) => i) }
    await store(sampleAlert(0, { record: { host: 'h', big, nested } }), sampleAlert(1))
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field${i}`, i]))
    await store(sampleAlert(2, { record: many }))
    const long = '\u0001'.repeat(300)
    const reasons = Array.from({ length: 5 }, () => ({ feature: 'f', value: long, share: 0.2, text: long }))
    await store(sampleAlert(3, { record: many, reasons, title: long, group: long }))
    await push()
    expect(listener.taken.map(({ recordCut, record }) => [recordCut, record])).toEqual([
      [true, { host: 'h' }],
      [undefined, { host: 'h1' }],
      [true, {}],
      [true, {}],
    ])
    expect(listener.taken[3]?.reasons).toEqual([])
  })

  it('shows of an incident the strangest record and the gravest severity', async () => {
    const { store, client, push } = setting()
    const grouped = await client({ channel: 'incidents/sample' })
    await store(
      sampleAlert(0, { group: 'g', severity: 'high', score: 0.8 }),
      sampleAlert(1, { group: 'g', severity: 'critical', score: 0.7 }),
      sampleAlert(2, { group: 'g', severity: 'low', score: 0.95 }),
      sampleAlert(3, { group: 'g', firstSeenMs: START_MS + 60_000, lastSeenMs: START_MS + 60_000 }),
    )
    await push()
    expect(
      grouped.taken.map(({ severity, score, count, origin }) => [severity, score, count, origin.offset]),
    ).toEqual([
      ['critical', 0.95, 3, 2],
      ['high', 0.8, 1, 3],
    ])
    expect(grouped.taken[0]).toMatchObject({ firstSeenMs: START_MS, lastSeenMs: START_MS + 2 })
  })

  it('sends only what the filter lets through, and passes the rest', async () => {
    const { sim, store, client, push } = setting()
    const where = { severity: ['critical' as const], group: ['h1'] }
    const listener = await client({ channel: 'alerts/sample', where })
    for (let i = 0; i < 60; i++) {
      await store(sampleAlert(i, { severity: i === 40 ? 'critical' : 'high' }))
      await push()
    }
    expect(listener.taken.map(({ origin }) => origin.offset)).toEqual([40])
    const cursor = listener.cursor
    await sim.run(listener.disconnect())
    listener.cursor = cursor
    await sim.run(listener.connect())
    expect(listener.taken).toHaveLength(1)
  })

  it('forgets a connection that is gone', async () => {
    const { store, client, push, world } = setting()
    const listener = await client({ channel: 'alerts/sample' })
    world.clients.delete(listener.connectionId)
    await store(sampleAlert(0))
    expect(await push()).toEqual({ frames: 0, behind: 0 })
    expect(world.items.get('subscriptions/alerts/sample')?.size).toBe(0)
    expect(world.items.get(`connections/${listener.connectionId}`)?.size).toBe(0)
  })

  it('lets a client that takes nothing wait alone, and loses nothing of it', async () => {
    const { sim, store, client, push, world } = setting()
    const slow = await client({ channel: 'alerts/sample' })
    const quick = await client({ channel: 'alerts/sample' })
    const receive = world.clients.get(slow.connectionId)
    world.clients.set(slow.connectionId, () => new Promise(() => undefined))
    const startMs = sim.nowMs()
    await store(sampleAlert(0))
    expect(await push()).toEqual({ frames: 1, behind: 1 })
    expect(sim.nowMs() - startMs).toBe(2_000)
    await store(sampleAlert(1))
    await push()
    expect(sim.nowMs() - startMs).toBe(2_000)
    expect(quick.taken).toHaveLength(2)
    if (receive !== undefined) world.clients.set(slow.connectionId, receive)
    await sim.run(sim.sleep(10_000))
    await push()
    expect(slow.taken).toHaveLength(2)
  })

  it('goes on for others, and later for the one, when the publisher fails', async () => {
    const errors = silenced()
    const { store, client, push, world } = setting()
    const unlucky = await client({ channel: 'alerts/sample' })
    const other = await client({ channel: 'alerts/sample' })
    const receive = world.clients.get(unlucky.connectionId)
    world.clients.set(unlucky.connectionId, () => Promise.reject(new Error('throttled')))
    await store(sampleAlert(0))
    expect(await push()).toEqual({ frames: 1, behind: 1 })
    expect(errors).toHaveBeenCalledWith(expect.stringContaining('throttled'))
    expect(other.taken).toHaveLength(1)
    if (receive !== undefined) world.clients.set(unlucky.connectionId, receive)
    await push()
    expect(unlucky.taken).toHaveLength(1)
  })
})
