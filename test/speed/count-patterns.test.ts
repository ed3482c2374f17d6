import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { Patterns } from '../../lib/speed/patterns.ts'
import { moveProgress, type Progress } from '../../lib/state/progress.ts'
import {
  alertsDue,
  alertsOf,
  alertsRaised,
  type Count,
  deliver,
  enrichedRecords,
  type Without,
} from './pattern-world.ts'

const ORIGINS = 60
const SEEDS = 60

/** On how many seeds the alerts are not those that the records make. */
async function wrong(without: Without): Promise<number> {
  let count = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const log = enrichedRecords(seed, ORIGINS)
    const raised = await alertsRaised(await deliver(log, seed, without))
    if (JSON.stringify(raised) !== JSON.stringify(alertsDue(log))) count++
  }
  return count
}

describe('patterns', () => {
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
  afterEach(() => void vi.restoreAllMocks())

  it('raise each alert that the records make once, under every schedule of crashes, repeats and zombies', async () => {
    const kinds = new Map<string, number>()
    for (let seed = 1; seed <= 120; seed++) {
      const log = enrichedRecords(seed, ORIGINS)
      const raised = await alertsRaised(await deliver(log, seed))
      expect(raised, `seed ${seed}`).toEqual(alertsDue(log))
      for (const name of raised) {
        const kind = name.split(' ')[0] ?? ''
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      }
    }
    expect([...kinds.keys()].sort()).toEqual(['guessing', 'intrusion', 'scan'])
  })

  it('raise them as well when boards outgrow their items, and when what was replaced is swept meanwhile', async () => {
    expect(await wrong({ boards: { inlineBytesMax: 60 } })).toBe(0)
  })

  it('raise them as well when nearly nothing is kept from one batch to the next', async () => {
    expect(await wrong({ boards: { warmKeysMax: 60 } })).toBe(0)
  })

  it('say what was found, from when to when, and about whom', async () => {
    const alerts = await alertsOf(await deliver(enrichedRecords(1, 400), 1))
    const scan = alerts.find(({ record }) => record.pattern === 'scan')
    expect(scan).toMatchObject({
      severity: 'medium',
      threshold: 5,
      group: expect.stringMatching(/^scan s\d$/),
      title: expect.stringMatching(/^Scan: s\d: \d+ ports in 3 minutes$/),
      reasons: [{ feature: 'ports', value: scan?.score, share: 1 }],
      record: { ports: scan?.score, first: scan?.firstSeenMs, last: scan?.lastSeenMs, limit: 5 },
      origin: { topic: 'test.scans' },
    })
    const intrusion = alerts.find(({ record }) => record.pattern === 'intrusion')
    expect(intrusion).toMatchObject({
      severity: 'critical',
      title: expect.stringMatching(/^Intrusion: s\d: entries [\d.]+ s after probes$/),
      record: { afterMs: (intrusion?.lastSeenMs ?? 0) - (intrusion?.firstSeenMs ?? 0) },
    })
    expect(alerts.find(({ record }) => record.pattern === 'guessing')?.record).toMatchObject({
      source: expect.any(String),
      target: expect.any(String),
      limit: 3,
    })
  })

  it('would be raised twice if their marks were not looked at', async () => {
    const unmarked = (keyed: KeyedStore): KeyedStore => ({
      maxItemBytes: keyed.maxItemBytes,
      get: async (pk, sk) => (pk.startsWith('raised/') ? undefined : keyed.get(pk, sk)),
      put: (...args) => keyed.put(...args),
      transact: (puts) =>
        keyed.transact(
          puts.map((put) => (put.item.pk.startsWith('raised/') ? { ...put, condition: 'any' } : put)),
        ),
      query: (...args) => keyed.query(...args),
      delete: (...args) => keyed.delete(...args),
      close: () => keyed.close(),
    })
    expect(await wrong({ keyed: unmarked })).toBeGreaterThan(SEEDS / 4)
  })

  it('would be missed if the progress were moved before they are raised', async () => {
    const early = (stage: Count, ports: Ports): Count => ({
      ...stage,
      apply: async (batch, loaded) => {
        const at = { stage: 'count', topic: batch.topic, partition: batch.partition }
        await moveProgress(ports.keyed, at, loaded.progress, batch.progress)
        await stage.apply(batch, loaded)
        return 'done'
      },
    })
    expect(await wrong({ stage: early })).toBeGreaterThan(SEEDS / 30)
  })

  it('would be missed if a process went by the boards it knows though another has moved the progress', async () => {
    const begin = Patterns.prototype.begin
    const reached = new WeakMap<Patterns, Progress>()
    vi.spyOn(Patterns.prototype, 'begin').mockImplementation(function (this: Patterns, batch, loaded) {
      const attempt = begin.call(this, batch, reached.get(this) ?? loaded)
      return {
        judge: attempt.judge,
        done: (progress) => {
          reached.set(this, progress)
          attempt.done(progress)
        },
      }
    })
    expect(await wrong({})).toBeGreaterThan(SEEDS / 30)
  })
})
