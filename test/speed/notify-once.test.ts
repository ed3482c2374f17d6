import { describe, expect, it } from 'vitest'
import { notifyHandler } from '../../lib/speed/notify.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { Entry, OkEntry } from '../../lib/stream/entry.ts'
import { recordId } from '../../lib/stream/origin.ts'
import { START_MS, sampleEntry, sampleEvent, sampleStream } from '../serve/sample.ts'
import { Sim, World } from '../serve/sim.ts'
import { CONTEXT, SimSite } from '../serve/sim-site.ts'

/** Records that have a text are raised once for it, others for themselves. */
const stream: Stream = {
  ...sampleStream,
  hasAlertOnce: true,
  alertOnce: ({ text }) => (text === '' ? undefined : { key: String(text) }),
}

const PARTITIONS = [0, 1, 2]

/** The same entries, two in three of which are of one of four kinds. */
function ofKinds(entries: readonly Entry[]): Entry[] {
  return entries.map((entry) => {
    const { offset, value } = entry as OkEntry
    const text = offset % 3 === 0 ? '' : `kind ${offset % 4}`
    return { ...(entry as OkEntry), value: { ...value, text } }
  })
}

async function readAll(log: AlertLog): Promise<readonly Alert[]> {
  const alerts: Alert[] = []
  const { page: end } = await log.end()
  for (let page = 0; page < end; page++) alerts.push(...((await log.page(page)) ?? []))
  return alerts
}

/** Alerts as stored, and what must be there: ids of records of no kind, and kinds. */
async function raced(seed: number, odds: { kill: number; zombie: number }) {
  const site = new SimSite(seed, undefined, stream)
  const contents = PARTITIONS.map((partition) => site.enriched(partition, 40))
  await site.sim.run(
    Promise.all(contents.map(({ entries }, partition) => site.deliver(partition, ofKinds(entries), odds))),
  )
  const alerts = await site.sim.run(readAll(new AlertLog('sample', site.world.ports())))
  const due = contents.flatMap((content) => {
    const raised = new Set(content.alerts)
    return ofKinds(content.entries).filter((entry) => raised.has(recordId(entry))) as OkEntry[]
  })
  const textOf = ({ value }: OkEntry) => String(value.text)
  const own = new Set(due.filter((entry) => textOf(entry) === '').map(recordId))
  const kinds = new Set(due.map(textOf).filter((text) => text !== ''))
  return { alerts, own: [...own].sort(), kinds: [...kinds].sort() }
}

describe('what is raised once', () => {
  it.each([
    { name: 'undisturbed', odds: { kill: 0, zombie: 0 }, runs: 30 },
    { name: 'killed at any await, with zombies at work', odds: { kill: 0.4, zombie: 0.4 }, runs: 200 },
  ])(
    'is in the log once for each kind, all else once for each record: $name',
    {
      timeout: 120_000,
    },
    async ({ odds, runs }) => {
      for (let seed = 1; seed <= runs; seed++) {
        const { alerts, own, kinds } = await raced(seed, odds)
        const raised = alerts.filter(({ record }) => record.text !== '').map(({ record }) => record.text)
        expect([...raised].sort(), `seed ${seed}`).toEqual(kinds)
        const others = alerts.filter(({ record }) => record.text === '').map(({ id }) => id)
        expect([...others].sort(), `seed ${seed}`).toEqual(own)
      }
    },
  )

  const stored = async (of: Stream, entries: readonly Entry[]) => {
    const sim = new Sim(1)
    const ports = new World(sim).ports()
    const handler = notifyHandler(of, ports, new AlertLog('sample', ports), async () => ({
      frames: 0,
      behind: 0,
    }))
    for (const [i, entry] of entries.entries()) await sim.run(handler(sampleEvent(0, i, [entry]), CONTEXT))
    return sim.run(readAll(new AlertLog('sample', ports)))
  }
  const kindAt = (offset: number, eventTime: number) =>
    sampleEntry(0, offset, { severity: 'low', text: 'kind', eventTime })

  it('shows the first record of it, and has an id of its own', async () => {
    const [alert, ...more] = await stored(stream, [kindAt(0, START_MS), kindAt(1, START_MS + 1)])
    expect(more).toEqual([])
    expect(alert?.id).toMatch(/^once-[0-9a-f]{32}$/)
    expect(alert?.origin.offset).toBe(0)
  })

  it('is raised anew in each window of event time, where it has one', async () => {
    const windowed: Stream = { ...stream, alertOnce: ({ text }) => ({ key: String(text), windowMs: 60_000 }) }
    const startMs = Math.ceil(START_MS / 60_000) * 60_000
    const times = [0, 59_999, 60_000, 30_000, 180_000, 119_999].map((ms) => startMs + ms)
    const alerts = await stored(
      windowed,
      times.map((ms, i) => kindAt(i, ms)),
    )
    expect(alerts.map(({ origin }) => origin.offset)).toEqual([0, 2, 4])
  })

  it('keeps every record where the stream cannot say what it is raised for', async () => {
    const failing: Stream = {
      ...stream,
      alertOnce: () => {
        throw new TypeError('author did not think of this')
      },
    }
    expect(await stored(failing, [kindAt(0, START_MS), kindAt(1, START_MS)])).toHaveLength(2)
  })
})
