import { describe, expect, it } from 'vitest'
import { findIncident, type IncidentOptions, listAlerts, listIncidents } from '../../lib/serve/alerts.ts'
import { incidentId } from '../../lib/serve/incidents.ts'
import { AlertActions } from '../../lib/state/alert-actions.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { START_MS, sampleAlert, sampleStream } from './sample.ts'
import { Sim, World } from './sim.ts'

/** Nine alerts of three groups within one window. */
async function setting() {
  const sim = new Sim(4)
  const ports = new World(sim).ports()
  const log = new AlertLog('sample', ports)
  const actions = new AlertActions('sample', ports)
  let page = 0
  const append = (...alerts: readonly Alert[]) => {
    const item = { pk: 'progress', sk: String(page++), rev: '1', data: new Uint8Array(0) }
    return sim.run(log.append(alerts, { item, condition: 'absent' }))
  }
  const store = (...offsets: readonly number[]) => append(...offsets.map((offset) => sampleAlert(offset)))
  await store(0, 1, 2, 3, 4, 5, 6, 7, 8)
  const incidents = async (options?: IncidentOptions) =>
    (await sim.run(listIncidents(ports, sampleStream, options))).alerts
  const groups = async (options?: IncidentOptions) =>
    (await incidents(options)).map(({ group, count, mark }) => [group, count, mark?.state])
  const id = (offset: number) => incidentId(sampleAlert(offset), sampleStream.alertWindowMs)
  return { sim, ports, actions, append, store, incidents, groups, id }
}

describe('what operators do to incidents', () => {
  it('leaves suppressed groups out of lists of incidents, and every alert in the log', async () => {
    const { sim, ports, actions, groups } = await setting()
    await sim.run(actions.suppress('h1'))
    for (const since of [undefined, 'start'])
      expect(await groups(since === undefined ? {} : { since })).toEqual([
        ['h0', 3, undefined],
        ['h2', 3, undefined],
      ])
    expect(await groups({ all: true })).toHaveLength(3)
    expect((await sim.run(listAlerts(ports, sampleStream))).alerts).toHaveLength(9)
    await sim.run(actions.unsuppress('h1'))
    expect(await groups()).toHaveLength(3)
  })

  it('shows who sees to an incident, and leaves out a closed one until another alert joins it', async () => {
    const { sim, actions, store, groups, id } = await setting()
    await sim.run(actions.mark(id(0), { state: 'acknowledged', lastSeenMs: START_MS + 6 }))
    await sim.run(actions.mark(id(1), { state: 'closed', lastSeenMs: START_MS + 7 }))
    expect(await groups()).toEqual([
      ['h0', 3, 'acknowledged'],
      ['h2', 3, undefined],
    ])
    expect(await groups({ since: 'start', all: true })).toEqual([
      ['h0', 3, 'acknowledged'],
      ['h1', 3, 'closed'],
      ['h2', 3, undefined],
    ])
    await store(10)
    expect(await groups()).toContainEqual(['h1', 4, 'closed'])
  })

  it('opens a closed incident with any alert behind the place where it was closed, whatever its time', async () => {
    const { sim, ports, actions, append, groups, id } = await setting()
    const found = await sim.run(findIncident(ports, sampleStream, id(0)))
    const lastSeenMs = found?.incident.lastSeenMs ?? 0
    for (const [count, timeMs] of [lastSeenMs, lastSeenMs - 4].entries()) {
      const cursor = `${1 + count}.0`
      await sim.run(actions.mark(id(0), { state: 'closed', lastSeenMs, cursor }))
      for (const since of [{}, { since: 'start' }])
        expect((await groups(since)).map(([group]) => group)).toEqual(['h1', 'h2'])
      await append(sampleAlert(30 + 3 * count, { firstSeenMs: timeMs, lastSeenMs: timeMs }))
      for (const since of [{}, { since: 'start' }])
        expect(await groups(since)).toContainEqual(['h0', 4 + count, 'closed'])
    }
  })

  it('lists the newest open ones, however many closed ones came after them', async () => {
    const { sim, actions, append, incidents } = await setting()
    // The closed ones have more alerts than are read at first for one incident or two.
    const open = Array.from({ length: 60 }, (_, i) => sampleAlert(i, { group: `open ${i}` }))
    const closed = Array.from({ length: 300 }, (_, i) => sampleAlert(i, { group: `closed ${i % 70}` }))
    await append(...open)
    await append(...closed)
    for (const alert of closed.slice(0, 70)) {
      const id = incidentId(alert, sampleStream.alertWindowMs)
      await sim.run(actions.mark(id, { state: 'closed', lastSeenMs: 0, cursor: '3.0' }))
    }
    for (const limit of [1, 2, 60])
      expect((await incidents({ limit })).map(({ group }) => group)).toEqual(
        open.slice(-limit).map(({ group }) => group),
      )
    expect(await incidents({ limit: 60, all: true })).toHaveLength(60)
  })

  it('finds an incident by its id from the newest page backwards, and reads no further', async () => {
    const { sim, ports, store, id } = await setting()
    for (let offset = 9; offset < 60; offset += 3) await store(offset)
    await store(61)
    const search = async (wanted: string) => {
      const searched: number[] = []
      const onProgress = ({ pages, of }: { pages: number; of: number }) => searched.push(pages, of)
      return { found: await sim.run(findIncident(ports, sampleStream, wanted, { onProgress })), searched }
    }
    expect(await search(id(0))).toMatchObject({
      found: { incident: { id: id(0), group: 'h0', lastSeenMs: START_MS + 57 }, cursor: '19.0' },
      searched: [1, 19, 2, 19],
    })
    expect((await search(id(2))).found).toMatchObject({ incident: { group: 'h2', lastSeenMs: START_MS + 8 } })
    const nowhere = await search('nope')
    expect(nowhere.found).toBeUndefined()
    expect(nowhere.searched.slice(-2)).toEqual([19, 19])
  })
})
