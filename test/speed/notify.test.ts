import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Ports } from '../../lib/ports/ports.ts'
import { listAlerts } from '../../lib/serve/alerts.ts'
import { notifyHandler } from '../../lib/speed/notify.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { writeEntry } from '../../lib/stream/entry.ts'
import { sampleEntry, sampleEvent, sampleStream } from '../serve/sample.ts'
import { Sim, World } from '../serve/sim.ts'
import { CONTEXT } from '../serve/sim-site.ts'

function setting(stream: Stream = sampleStream) {
  const sim = new Sim(1)
  const ports = new World(sim).ports()
  const pushed: (readonly string[])[] = []
  const handler = notifyHandler(stream, ports, new AlertLog('sample', ports), async (partitions) => {
    pushed.push(partitions)
    return { frames: 0, behind: 0 }
  })
  const invoke = (event: ReturnType<typeof sampleEvent>) => sim.run(handler(event, CONTEXT))
  const stored = () => sim.run(listAlerts(ports, sampleStream))
  return { sim, ports, invoke, stored, pushed }
}

const silenced = () => vi.spyOn(console, 'error').mockImplementation(() => undefined)
afterEach(() => vi.restoreAllMocks())

describe('notify', () => {
  it('stores an entry with a severity as an alert', async () => {
    const { invoke, stored } = setting()
    const entries = [
      sampleEntry(2, 0),
      sampleEntry(2, 1, { severity: 'critical', score: 0.97, host: 'gate', eventTime: 1_700_000_000_123 }),
    ]
    expect(await invoke(sampleEvent(2, 0, entries))).toEqual({ batchItemFailures: [] })
    expect((await stored()).alerts).toEqual([
      {
        id: 'sim/sample.raw.g1/2/1',
        stream: 'sample',
        severity: 'critical',
        title: 'Trouble on gate',
        group: 'gate',
        score: 0.97,
        threshold: 0.7,
        model: 'm1',
        reasons: [{ feature: 'host', value: 'gate', share: 1, text: 'rare' }],
        firstSeenMs: 1_700_000_000_123,
        lastSeenMs: 1_700_000_000_123,
        count: 1,
        origin: { site: 'sim', topic: 'sample.raw.g1', partition: 2, offset: 1 },
        record: { host: 'gate', text: '' },
      },
    ])
  })

  it('takes no record for an alert that has a field named severity itself', async () => {
    const { invoke, stored } = setting()
    const entry = sampleEntry(0, 0)
    const told = { ...entry, value: { host: 'h', text: 't', severity: 'critical' } } as typeof entry
    expect(writeEntry(told)).toContain('"severity":')
    await invoke(sampleEvent(0, 0, [told]))
    expect((await stored()).alerts).toEqual([])
  })

  it('stores no page for a batch without alerts, but moves on and pushes', async () => {
    const { invoke, ports, sim, pushed } = setting()
    await invoke(sampleEvent(0, 0, [sampleEntry(0, 0), sampleEntry(0, 1)]))
    expect(await sim.run(ports.keyed.get('alerts/sample', '0000000000000000'))).toBeUndefined()
    const progress = await sim.run(ports.keyed.get('progress/notify/sample.enriched.g1', '0'))
    expect(progress?.rev).toBe('2')
    expect(pushed).toEqual([['sample.enriched.g1-0']])
  })

  it('pushes after a batch that it has seen before: its predecessor may have died before pushing', async () => {
    const { invoke, stored, pushed } = setting()
    const event = sampleEvent(0, 0, [sampleEntry(0, 0, { severity: 'low' })])
    await invoke(event)
    await invoke(event)
    expect((await stored()).alerts).toHaveLength(1)
    expect(pushed).toHaveLength(2)
  })

  it('keeps the alert of a record that the stream cannot describe', async () => {
    silenced()
    const alertTitle = () => {
      throw new TypeError('author did not think of this')
    }
    const { invoke, stored } = setting({ ...sampleStream, alertTitle, alertGroup: alertTitle })
    await invoke(sampleEvent(0, 0, [sampleEntry(0, 0, { severity: 'low' })]))
    const [alert] = (await stored()).alerts
    expect([alert?.title, alert?.group]).toEqual(['Unusual sample record', 'sample'])
  })

  it('bounds everything but the record', async () => {
    const { invoke, stored } = setting()
    await invoke(sampleEvent(0, 0, [sampleEntry(0, 0, { severity: 'low', host: 'h'.repeat(5_000) })]))
    const [alert] = (await stored()).alerts
    expect(alert?.title).toHaveLength(300)
    expect(alert?.group).toHaveLength(300)
    expect(alert?.reasons[0]?.value).toHaveLength(300)
    expect(alert?.record.host).toHaveLength(5_000)
  })

  it('stops a partition at a gap and answers it as failed, without an alert of what lies behind', async () => {
    const errors = silenced()
    const { invoke, stored } = setting()
    const answer = await invoke(
      sampleEvent(1, 0, [sampleEntry(1, 0), sampleEntry(1, 2, { severity: 'low' })]),
    )
    expect(answer.batchItemFailures).toEqual([
      { itemIdentifier: { partition: 'sample.enriched.g1-1', offset: 0 } },
    ])
    expect((await stored()).alerts).toEqual([])
    expect(errors).toHaveBeenCalledWith(expect.stringContaining('OriginGapError'))
  })

  it('acknowledges what is stored though pushing fails', async () => {
    silenced()
    const sim = new Sim(1)
    const ports: Ports = new World(sim).ports()
    const handler = notifyHandler(sampleStream, ports, new AlertLog('sample', ports), () =>
      Promise.reject(new Error('publisher down')),
    )
    const event = sampleEvent(0, 0, [sampleEntry(0, 0, { severity: 'low' })])
    expect(await sim.run(handler(event, CONTEXT))).toEqual({ batchItemFailures: [] })
    expect((await sim.run(listAlerts(ports, sampleStream))).alerts).toHaveLength(1)
  })
})
