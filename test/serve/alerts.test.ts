import { describe, expect, it } from 'vitest'
import { countAlerts, type ListOptions, listAlerts, listIncidents } from '../../lib/serve/alerts.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { sampleAlert, sampleStream } from './sample.ts'
import { Sim, World } from './sim.ts'

/** 30 alerts in pages of three; every fifth is critical; one page a second. */
async function stored() {
  const sim = new Sim(2)
  const ports = new World(sim).ports()
  const log = new AlertLog('sample', ports)
  const timesMs: number[] = []
  for (let page = 0; page < 10; page++) {
    await sim.run(sim.sleep(1_000))
    timesMs.push(sim.nowMs())
    const alerts = [0, 1, 2].map((i) =>
      sampleAlert(page * 3 + i, { severity: (page * 3 + i) % 5 === 0 ? 'critical' : 'low' }),
    )
    const item = { pk: 'progress', sk: String(page), rev: '1', data: new Uint8Array(0) }
    await sim.run(log.append(alerts, { item, condition: 'absent' }))
  }
  const list = (options?: ListOptions) => sim.run(listAlerts(ports, sampleStream, options))
  const incidents = (options?: ListOptions) => sim.run(listIncidents(ports, sampleStream, options))
  return { list, incidents, timesMs, count: () => sim.run(countAlerts(ports, sampleStream)) }
}

const offsets = (alerts: readonly Alert[]) => alerts.map(({ origin }) => origin.offset)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('listAlerts', () => {
  it('lists the newest in order, and where to go on', async () => {
    const { list, count } = await stored()
    const { alerts, cursor } = await list({ limit: 7 })
    expect(offsets(alerts)).toEqual(range(23, 30))
    expect(cursor).toBe('10.0')
    expect(offsets((await list()).alerts)).toEqual(range(0, 30))
    expect(await count()).toBe(30)
  })

  it('goes through the log in any steps, each alert once', async () => {
    const { list } = await stored()
    for (const limit of [1, 2, 3, 7, 29, 30, 31]) {
      const seen: number[] = []
      for (let since = 'start'; ; ) {
        const { alerts, cursor } = await list({ since, limit })
        if (alerts.length === 0) break
        seen.push(...offsets(alerts))
        since = cursor
      }
      expect(seen).toEqual(range(0, 30))
    }
  })

  it('begins at a time', async () => {
    const { list, timesMs } = await stored()
    expect(offsets((await list({ since: timesMs[4] ?? 0 })).alerts)).toEqual(range(12, 30))
    expect(offsets((await list({ since: (timesMs[4] ?? 0) + 1 })).alerts)).toEqual(range(15, 30))
  })

  it('filters by severity and by group, reading back as far as it takes', async () => {
    const { list } = await stored()
    expect(offsets((await list({ severity: ['critical'], limit: 3 })).alerts)).toEqual([15, 20, 25])
    expect(offsets((await list({ severity: ['critical'], since: '0', limit: 3 })).alerts)).toEqual([0, 5, 10])
    expect(offsets((await list({ severity: ['critical'], group: ['h0'] })).alerts)).toEqual([0, 15])
  })

  it('refuses what is no cursor', async () => {
    const { list } = await stored()
    await expect(list({ since: 'yesterday' })).rejects.toThrow(/not a cursor/)
  })
})

describe('listIncidents', () => {
  it('counts the alerts of each group and window', async () => {
    const { incidents } = await stored()
    expect((await incidents()).alerts.map(({ group, count }) => [group, count])).toEqual([
      ['h0', 10],
      ['h1', 10],
      ['h2', 10],
    ])
  })

  it('adds up over pages of any limit', async () => {
    const { incidents } = await stored()
    for (const limit of [1, 2, 3]) {
      const counts = new Map<string, number>()
      for (let since = 'start'; ; ) {
        const { alerts, cursor } = await incidents({ since, limit })
        if (alerts.length === 0) break
        expect(alerts.length).toBeLessThanOrEqual(limit)
        for (const { id, count } of alerts) counts.set(id, (counts.get(id) ?? 0) + count)
        since = cursor
      }
      expect([...counts.values()]).toEqual([10, 10, 10])
    }
  })
})
