import { describe, expect, it } from 'vitest'
import { recordsIn } from '../../lib/collect/block.ts'
import { type DemoConnection, demoNetwork, sampleNetwork } from '../../lib/collect/demo-network.ts'
import { demoSource } from '../../lib/collect/demo-source.ts'
import { csvOrJson } from '../../lib/formats/csv-or-json.ts'
import type { Column } from '../../lib/stream/columns.ts'
import { network } from '../../streams/network.ts'

function until(ms: number, seed: number): DemoConnection[] {
  const connections: DemoConnection[] = []
  for (const connection of demoNetwork({ seed })) {
    if (connection.atMs >= ms) break
    connections.push(connection)
  }
  return connections
}

const TEXT = new Set([1, 2, 3, 41])
const columns: Column[] = Array.from({ length: 42 }, (_, i) => ({
  name: `f${i}`,
  kind: TEXT.has(i) ? 'string' : i >= 24 && i !== 31 && i !== 32 ? 'number' : 'integer',
  optional: false,
}))
const parse = csvOrJson().compile(columns)
/** The numbers among them; what is text is only compared. */
const fields = ({ line }: DemoConnection) => Object.values(parse(Buffer.from(line)) as Record<string, number>)
const RATES = [24, 25, 26, 27, 28, 29, 30, 33, 34, 35, 36, 37, 38, 39, 40]

describe('demoNetwork', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(until(20_000, 1)).toEqual(until(20_000, 1))
    expect(until(20_000, 1)).not.toEqual(until(20_000, 2))
  })

  it.each([1, 2, 3, 4, 5])('gives well-formed connections in order of time, seed %i', (seed) => {
    const all = until(60_000, seed)
    const inOrder = all.every(({ atMs }, i) => i === 0 || atMs >= (all[i - 1]?.atMs ?? 0))
    expect(inOrder).toBe(true)
    const bad = all.filter((connection) => {
      const values = fields(connection)
      const within = (at: number, most: number) => (values[at] ?? -1) >= 0 && (values[at] ?? -1) <= most
      return !(
        values.length === 42 &&
        String(values[41]) === connection.label &&
        RATES.every((at) => within(at, 1)) &&
        [22, 23].every((at) => within(at, 511)) &&
        within(32, values[31] ?? 0)
      )
    })
    expect(bad).toEqual([])
  })

  it.each([1, 2, 3, 4, 5])(
    'shows three kinds of attack within 20 seconds, all six within three minutes, and calm between, seed %i',
    (seed) => {
      const all = until(180_000, seed)
      const attacks = (ms: number) =>
        new Set(all.filter(({ label, atMs }) => label !== 'normal.' && atMs < ms).map(({ label }) => label))
      expect(attacks(4000).size).toBe(0)
      expect(attacks(20_000).size).toBe(3)
      expect(attacks(180_000).size).toBe(6)
      const calmSeconds = Array.from({ length: 180 }, (_, second) =>
        all.every(({ label, atMs }) => Math.floor(atMs / 1000) !== second || label === 'normal.'),
      ).filter((calm) => calm).length
      expect(calmSeconds).toBeGreaterThan(100)
    },
  )

  it('has features that speak of the connections before', () => {
    const flood = until(14_000, 1).filter(({ label }) => label === 'neptune.')
    expect(flood.length).toBeGreaterThan(300)
    const late = fields(flood.at(-1) as DemoConnection)
    expect(late[22]).toBe(511)
    expect(late[24]).toBeGreaterThan(0.9)
    expect(late[37]).toBeGreaterThan(0.9)
    const calm = until(4000, 1).map(fields)
    expect(calm.every((values) => (values[22] ?? 0) < 120 && (values[24] ?? 0) < 0.5)).toBe(true)
  })
})

describe('sampleNetwork', () => {
  it('gives as many connections as asked for, with a few attacks of every kind', () => {
    const rows = [...sampleNetwork({ seed: 1, rows: 20_000 })]
    expect(rows).toHaveLength(20_000)
    const attacks = rows.filter(({ label }) => label !== 'normal.')
    expect(attacks.length).toBeGreaterThan(20)
    expect(attacks.length).toBeLessThan(300)
    expect(new Set(attacks.map(({ label }) => label)).size).toBeGreaterThan(3)
    expect(new Set(rows.map((row) => fields(row)[2])).size).toBeGreaterThan(10)
    expect([...sampleNetwork({ seed: 1, rows: 500 })]).toEqual(rows.slice(0, 500))
  })
})

/** What a newcomer sees: a model of the sample must show the demo's attacks, and little else. */
describe('a model trained on the sample', () => {
  const values = (connections: readonly DemoConnection[]) =>
    connections.map(({ line }) => {
      const parsed = network.parse(Buffer.from(line))
      if (!parsed.ok) throw new Error(parsed.reason)
      return network.enrich(parsed.value)
    })

  it('alerts for most connections of every attack and for one in 50 calm ones at most', () => {
    const detector = network.detector
    if (detector === undefined) throw new Error('the network stream has no detector')
    const model = detector.train(values([...sampleNetwork({ seed: 7, rows: 20_000 })]), { seed: 1 })
    const scorer = detector.load(model.bytes, 'test')
    const connections = until(180_000, 1)
    const scores = scorer.scores(values(connections))
    const found = new Map<string, { all: number; alerts: number }>()
    connections.forEach(({ label }, i) => {
      const { all, alerts } = found.get(label) ?? { all: 0, alerts: 0 }
      const alert = (scores[i] ?? 0) >= scorer.threshold ? 1 : 0
      found.set(label, { all: all + 1, alerts: alerts + alert })
    })
    const shares = new Map([...found].map(([label, { all, alerts }]) => [label, alerts / all]))
    expect(shares.size).toBe(7)
    for (const [label, share] of shares)
      if (label === 'normal.') expect(share).toBeLessThan(0.02)
      else expect({ label, share: share > 0.5 }).toEqual({ label, share: true })
  })
})

describe('demoSource', () => {
  it('gives each connection when its time has come', async () => {
    const clock = {
      now: 1000,
      nowMs: () => clock.now,
      sleep: async (ms: number) => {
        clock.now += ms
      },
    }
    const source = demoSource({ clock, seed: 1, speed: 2 })
    const expected = until(20_000, 1).length
    let position = 0
    for await (const block of source.read({ pass: 0, large: () => expect.fail() })) {
      if (clock.now >= 11_000) break
      expect(block.position).toBe(position)
      position += recordsIn(block)
    }
    expect(position).toBeGreaterThan(expected * 0.98)
    expect(position).toBeLessThanOrEqual(expected)
  })
})
