import { describe, expect, it } from 'vitest'
import { recordsIn } from '../../lib/collect/block.ts'
import { demoLogs } from '../../lib/collect/demo-logs.ts'
import { demoNids } from '../../lib/collect/demo-nids.ts'
import { demoOrders } from '../../lib/collect/demo-orders.ts'
import { demoPosts } from '../../lib/collect/demo-posts.ts'
import type { DemoRecord, DemoStream } from '../../lib/collect/demo-record.ts'
import { pacedSource } from '../../lib/collect/paced-source.ts'
import type { Value } from '../../lib/stream/value.ts'
import { streams } from '../../streams/index.ts'

const START_MS = Date.parse('2026-03-01T10:00:00Z')
const HOUR_MS = 3_600_000
const DEMOS: readonly (readonly [string, DemoStream])[] = [
  ['nids', demoNids],
  ['logs', demoLogs],
  ['posts', demoPosts],
  ['orders', demoOrders],
]

function until(demo: DemoStream, ms: number, seed = 1, pastMs = 0): DemoRecord[] {
  const records: DemoRecord[] = []
  for (const record of demo({ seed, startMs: START_MS, pastMs })) {
    if (record.atMs >= ms) break
    records.push(record)
  }
  return records
}

function parsed(
  name: string,
  records: readonly DemoRecord[],
): { value: Value; atMs: number; timeMs: number }[] {
  const stream = streams.get(name)
  if (stream === undefined) throw new Error(`no stream ${name}`)
  return records.map(({ line, atMs }) => {
    const result = stream.parse(Buffer.from(line))
    if (!result.ok) throw new Error(result.reason)
    const timeMs = stream.timeOf(result.value, 0) ?? Number.NaN
    return { value: stream.enrich(result.value), atMs, timeMs }
  })
}

describe.each(DEMOS)('the demo of %s', (name, demo) => {
  it('is the same for the same seed, and another for another', () => {
    expect(until(demo, 60_000)).toEqual(until(demo, 60_000))
    expect(until(demo, 60_000)).not.toEqual(until(demo, 60_000, 2))
  })

  it.each([1, 2, 3])('gives records that the stream takes, in order and of their time, seed %i', (seed) => {
    const records = parsed(name, until(demo, 5 * 60_000, seed, HOUR_MS))
    expect(records[0]?.atMs).toBe(-HOUR_MS)
    for (const [i, { atMs, timeMs }] of records.entries()) {
      expect(atMs).toBeGreaterThanOrEqual(records[i - 1]?.atMs ?? -HOUR_MS)
      expect(Math.abs(timeMs - START_MS - atMs)).toBeLessThan(1)
    }
  })

  it('is slow enough for two cores, and quick enough to look at', () => {
    const records = until(demo, 10 * 60_000)
    expect(records.length).toBeGreaterThan(10 * 60 * 0.3)
    expect(records.length).toBeLessThan(10 * 60 * 6)
  })
})

describe('what the demos show', () => {
  it('an attack within the first ten seconds of nids, and every kind within five minutes', () => {
    const alerts = parsed('nids', until(demoNids, 5 * 60_000))
    const first = alerts.find(({ value }) => value.class === 'attempted-recon')
    expect(first?.atMs).toBeLessThan(10_000)
    const classes = new Set(alerts.map(({ value }) => value.class))
    for (const kind of ['unsuccessful-user', 'attempted-admin', 'successful-admin', 'trojan-activity'])
      expect(classes).toContain(kind)
  })

  it('orders as in the paper: 30 to 34 leads, women order more than men', () => {
    const bands = new Map<unknown, number>()
    let women = 0
    const orders = parsed('orders', until(demoOrders, 2 * HOUR_MS))
    for (const { value } of orders) {
      bands.set(value.age_band, (bands.get(value.age_band) ?? 0) + 1)
      if (value.gender === 'Female') women++
    }
    const [most] = [...bands].sort(([, a], [, b]) => b - a)
    expect(most?.[0]).toBe('30-34')
    expect(women / orders.length).toBeGreaterThan(0.5)
  })

  it('kinds of log lines that the past did not have', async () => {
    const { detector } = streams.get('logs') ?? {}
    if (detector?.learn === undefined) throw new Error('logs learn templates')
    const all = parsed('logs', until(demoLogs, 60_000, 1, HOUR_MS))
    const observed = all
      .filter(({ atMs }) => atMs < 0)
      .map(({ value, timeMs }) => ({ value, eventTimeMs: timeMs }))
    const records = async function* () {
      yield observed
    }
    const { bytes } = await detector.learn(records, { seed: 1, active: undefined })
    const scorer = detector.load(bytes, 'v1')
    const live = all.filter(({ atMs }) => atMs >= 0).map(({ value }) => scorer.describe?.(value) ?? value)
    const fresh = live.filter(({ templateKnown }) => templateKnown === false)
    expect(fresh.length).toBeGreaterThan(0)
    expect(fresh.length).toBeLessThan(live.length / 10)
  })
})

describe('pacedSource', () => {
  it('gives the past at once, what comes when it is due, and ends when it is told to', async () => {
    const clock = {
      now: START_MS,
      nowMs: () => clock.now,
      sleep: async (ms: number) => {
        clock.now += ms
      },
    }
    const options = { seed: 1, startMs: START_MS, pastMs: HOUR_MS }
    const source = pacedSource({
      name: 'demo',
      records: () => demoPosts(options),
      clock,
      frameMs: 1_000,
      over: () => clock.now >= START_MS + 20_000,
    })
    let position = 0
    for await (const block of source.read({ pass: 0, large: () => expect.fail() })) {
      expect(block.position).toBe(position)
      position += recordsIn(block)
      // What has been given is due within the frame.
      expect(position).toBeLessThanOrEqual(until(demoPosts, clock.now - START_MS + 1_000, 1, HOUR_MS).length)
    }
    expect(clock.now).toBe(START_MS + 20_000)
    expect(position).toBeGreaterThanOrEqual(until(demoPosts, 18_000, 1, HOUR_MS).length)
  })
})
