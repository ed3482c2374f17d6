import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { queryView } from '../../lib/serve/query.ts'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import { compileView } from '../../lib/views/view.ts'
import { testStream } from '../master/test-stream.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { AMPLE, testPorts } from '../support/ports.ts'
import { Schedule, scheduled } from '../support/schedule.ts'
import { enrichedPartition, eventOf, firstOf, seeded } from './archive-world.ts'

const ORIGINS = 40
const VIEWS = ['records', 'byText', 'byList'] as const

/** What the views must be: every first-seen entry folded once, by the definition itself. */
function truth(log: ReturnType<typeof enrichedPartition>) {
  return VIEWS.map((name) => {
    const view = compileView('test', name, testStream.views[name] ?? fail(name))
    const keys = new Map<string, ReturnType<typeof view.answer>>()
    const states = new Map<string, typeof view.empty>()
    for (const entry of firstOf(log))
      for (const key of view.keysOf(entry)) states.set(key, view.add(states.get(key) ?? view.empty, entry))
    for (const [key, state] of states) keys.set(key, view.answer(state))
    return keys
  })
}

function fail(name: string): never {
  throw new Error(`no view ${name}`)
}

async function answers(keyed: MemoryKeyed) {
  return Promise.all(
    VIEWS.map(async (name) => {
      const view = compileView('test', name, testStream.views[name] ?? fail(name))
      const { rows } = await queryView(keyed, view, {}, 0)
      return new Map(
        rows.map((row) => [
          row.key,
          Object.fromEntries(view.aggregates.map((aggregate) => [aggregate, row[aggregate]])),
        ]),
      )
    }),
  )
}

describe('count', () => {
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
  afterEach(() => void vi.restoreAllMocks())

  /** A mapping with zombies over a store whose calls fail, lose answers and interleave. */
  async function run(seed: number) {
    const log = enrichedPartition(seeded(seed), ORIGINS, [])
    const schedule = new Schedule(seed, { fail: 0.08, lose: 0.08, late: 0 })
    const { random } = schedule
    const keyed = new MemoryKeyed()
    const unsure = testPorts({ keyed: scheduled(keyed, ['put', 'get'], schedule) })
    // Two environments whose warm boards go stale whenever the other one works.
    const environments = [0, 1].map(() => entryConsumer('test', countStage(testStream, unsure), unsure))
    const zombies: Promise<unknown>[] = []
    let next = 0
    while (next < log.length) {
      const from = Math.max(0, next - Math.floor(random() * 4))
      const to = Math.min(log.length, next + 1 + Math.floor(random() * 12))
      const attempt = (environments[Math.floor(random() * 2)] ?? fail('environment'))(
        eventOf(log, from, to),
        AMPLE,
      )
      if (random() < 0.25) {
        zombies.push(attempt)
        await schedule.turn()
        continue
      }
      const { batchItemFailures } = await attempt
      if (batchItemFailures.length === 0) next = to
    }
    await Promise.all(zombies)
    return { log, keyed }
  }

  it('agrees with the first-seen entries under every schedule of crashes, repeats and zombies', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { log, keyed } = await run(seed)
      expect(await answers(keyed), `seed ${seed}`).toEqual(truth(log))
    }
  })

  it('answers a gap as a failure of its partition, and stores nothing', async () => {
    const log = enrichedPartition(seeded(1), ORIGINS, [{ from: 10, to: 12 }])
    const keyed = new MemoryKeyed()
    const ports = testPorts({ keyed })
    const handler = entryConsumer('test', countStage(testStream, ports), ports)
    const { batchItemFailures } = await handler(eventOf(log, 0, log.length), AMPLE)
    expect(batchItemFailures).toEqual([{ itemIdentifier: { partition: 'test.enriched.g1-0', offset: 0 } }])
    expect(keyed.items.size).toBe(0)
  })
})
