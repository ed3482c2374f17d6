import { describe, expect, it } from 'vitest'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import { RaiseOnce } from '../../lib/state/raise-once.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { testPorts } from '../support/ports.ts'
import { Schedule, scheduled } from '../support/schedule.ts'

function alertOf(id: string): Alert {
  return {
    id,
    stream: 'test',
    severity: 'high',
    title: id,
    group: id,
    score: 1,
    threshold: 1,
    model: '',
    reasons: [],
    firstSeenMs: 0,
    lastSeenMs: 0,
    count: 1,
    origin: { site: 'here', topic: 'test.view', partition: 0, offset: 0 },
    record: {},
  }
}

async function idsOf(keyed: KeyedStore): Promise<readonly string[]> {
  const log = new AlertLog('test', testPorts({ keyed }))
  const ids: string[] = []
  const { page: end, total } = await log.end()
  for (let page = 0; page < end; page++) ids.push(...((await log.page(page)) ?? []).map(({ id }) => id))
  expect(total).toBe(ids.length)
  return ids
}

function raiserOn(keyed: KeyedStore): RaiseOnce {
  return new RaiseOnce(keyed, new AlertLog('test', testPorts({ keyed })))
}

describe('alerts raised once', () => {
  it('appends each id once, in order, though a call brings it twice and another brings it again', async () => {
    const keyed = new MemoryKeyed()
    const alerts = Array.from({ length: 250 }, (_, i) => alertOf(`a${i}`))
    expect(await raiserOn(keyed).raise([...alerts.slice(0, 120), ...alerts.slice(0, 5)])).toBe(120)
    expect(await raiserOn(keyed).raise(alerts)).toBe(130)
    expect(await raiserOn(keyed).raise(alerts)).toBe(0)
    expect(await idsOf(keyed)).toEqual(alerts.map(({ id }) => id))
  })

  /** Writers at once over a store whose calls fail, lose their answers or take place late; each tries until it is through. */
  async function raced(seed: number, see: (keyed: KeyedStore) => KeyedStore) {
    const keyed = new MemoryKeyed()
    const schedule = new Schedule(seed, { fail: 0.1, lose: 0.1, late: 0.1 })
    const unsure = see(scheduled<KeyedStore>(keyed, ['get', 'put', 'transact'], schedule))
    const alerts = Array.from({ length: 12 }, (_, i) => alertOf(`a${i}`))
    const writer = async (from: number) => {
      const raiser = raiserOn(unsure)
      for (let done = false; !done; )
        done = await raiser.raise(alerts.slice(from, from + 8)).then(
          () => true,
          () => false,
        )
      await schedule.landLate()
    }
    await Promise.all([0, 2, 4, 0].map(writer))
    for (let i = 0; i < 20; i++) await schedule.landLate()
    return { ids: [...(await idsOf(keyed))].sort(), due: alerts.map(({ id }) => id).sort() }
  }

  it('has each id in the log once, whatever fails, is late or overlaps', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const { ids, due } = await raced(seed, (keyed) => keyed)
      expect(ids, `seed ${seed}`).toEqual(due)
    }
  })

  it('would have some of them twice if marks were put whatever stands', async () => {
    const unmarked = (keyed: KeyedStore): KeyedStore => ({
      maxItemBytes: keyed.maxItemBytes,
      get: (...args) => keyed.get(...args),
      put: (...args) => keyed.put(...args),
      transact: ([page, ...marks]) =>
        keyed.transact([
          ...(page ? [page] : []),
          ...marks.map(({ item }) => ({ item, condition: 'any' as const })),
        ]),
      query: (...args) => keyed.query(...args),
      delete: (...args) => keyed.delete(...args),
      close: () => keyed.close(),
    })
    let wrong = 0
    for (let seed = 1; seed <= 100; seed++) {
      const { ids, due } = await raced(seed, unmarked)
      if (ids.length > due.length) wrong++
    }
    expect(wrong).toBeGreaterThan(30)
  })
})
