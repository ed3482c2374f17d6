import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RunLostError, RunRefusedError } from '../../lib/state/batch-run.ts'
import { recordRetraction } from '../../lib/state/retractions.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'
import { testStream } from '../master/test-stream.ts'
import { Schedule, scheduled } from '../support/schedule.ts'
import { driveRun, MemoryWorld, SETTINGS } from './memory-world.ts'
import { answers, oracle, segmentNames, viewsOf } from './world.ts'

const bySum: ViewDefinition = {
  title: 'By text',
  groupBy: ['text'],
  slotMs: 60_000,
  aggregates: {
    sum: { kind: 'sum', field: 'integer' },
    users: { kind: 'distinct', field: 'integer' },
    top: { kind: 'top', field: 'list', capacity: 4 },
  },
}
const byDay: ViewDefinition = {
  title: 'By element and text',
  groupBy: ['list', 'text'],
  slotMs: 86_400_000,
  aggregates: { n: { kind: 'count' }, mean: { kind: 'mean', field: 'number', decimals: 2 } },
}

/** Releases of one stream: views come, go and change. */
const RELEASES: readonly Stream[] = [
  testStream,
  { ...testStream, views: { ...testStream.views, bySum } },
  { ...testStream, views: { bySum, byDay, records: testStream.views.records as ViewDefinition } },
]

const anyOp = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      partition: fc.nat(1),
      n: fc.integer({ min: 1, max: 4 }),
      text: fc.constantFrom('a', 'b', 'c', 'ü\u001f'),
      ageMs: fc.constantFrom(0, 0, 5_000, 70_000, 90_000_000, 4_000_000_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 150_000 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('archive' as const, 'count' as const),
      partition: fc.nat(1),
      records: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('recompute' as const),
      full: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('retract' as const),
      partition: fc.nat(1),
      from: fc.nat(10),
      n: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('step back' as const), ms: fc.integer({ min: 1, max: 200_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('storm' as const),
      seed: fc.nat(),
      runs: fc.integer({ min: 1, max: 3 }),
    }),
  },
)
type Op = typeof anyOp extends fc.Arbitrary<infer T> ? T : never

class History {
  readonly world = new MemoryWorld(testStream)
  #runs = 0
  #made = 0

  async play(op: Op): Promise<void> {
    const { world } = this
    switch (op.do) {
      case 'append':
        for (let i = 0; i < op.n; i++) {
          const n = this.#made++
          const value = { text: op.text, integer: n % 7, number: n / 8, list: [`l${n % 3}`, `m${n % 2}`] }
          world.append(op.partition, value, Math.max(0, world.clock.ms - op.ageMs))
        }
        return
      case 'pass':
        return world.pass(op.ms)
      case 'step back':
        return world.pass(-op.ms)
      case 'archive':
        return world.archive(op.partition, op.records)
      case 'count':
        return world.count(op.partition, op.records)
      case 'release':
        world.stream = RELEASES[op.which] as Stream
        return
      case 'retract': {
        const stretch = { topic: 'test.raw.g1', partition: op.partition, from: op.from, to: op.from + op.n }
        await recordRetraction(world.keyed, stretch, 'a test', world.clock.ms)
        return
      }
      case 'recompute':
        return this.recompute(op.full)
      case 'storm':
        return this.#storm(op.seed, op.runs)
    }
  }

  async recompute(full: boolean): Promise<void> {
    for (const partition of this.world.ends.keys()) await this.world.archive(partition)
    await driveRun(this.world.ports, this.world.stream, `run-${this.#runs++}`, { full }).catch(expected)
  }

  /** Runs at once, whose requests fail, lose their answers and land late, while counting goes on. */
  async #storm(seed: number, runs: number): Promise<void> {
    const { world } = this
    for (const partition of world.ends.keys()) await world.archive(partition)
    const schedule = new Schedule(seed, { fail: 0.02, lose: 0.02, late: 0.02 })
    const keyed = scheduled(world.keyed, ['get', 'put', 'transact', 'delete'], schedule)
    const objects = scheduled(world.objects, ['get', 'put', 'head', 'delete'], schedule)
    const ports = world.portsOn(keyed, objects)
    const all = Array.from({ length: runs }, async (_, i) => {
      await driveRun(ports, world.stream, `run-${this.#runs + (i % 2)}`).catch(() => undefined)
    })
    await Promise.all([...all, world.count(0), world.count(1), this.#outliveLeases(schedule)])
    this.#runs += 2
    for (let i = 0; i < 30; i++) await schedule.landLate()
    world.pass(SETTINGS.leaseMs + 1)
  }

  /** At some moments a run seems dead to the others. */
  async #outliveLeases(schedule: Schedule): Promise<void> {
    for (let i = 0; i < 3; i++) {
      for (let turns = 0; turns < 20; turns++) await schedule.turn()
      if (schedule.random() < 0.5) this.world.pass(SETTINGS.leaseMs + 1)
    }
  }

  /** Everything counted, every epoch over and recomputed: then answers are what the records make. */
  async close(): Promise<void> {
    const { world } = this
    const newest = Math.max(0, ...world.entries.map(({ appendTime }) => appendTime))
    world.clock.ms = Math.max(world.clock.ms, newest, highestHorizonMs(world)) + 130_000
    for (const partition of world.ends.keys())
      world.append(partition, { text: 'last', integer: 1, number: 1, list: ['last'] })
    await world.settle()
    world.pass(130_000)
    await this.recompute(false)
    await agree(world)
    const names = await segmentNames(world.ports, world.stream)
    await this.recompute(true)
    const mine = new Set(viewsOf(world.stream).map(({ id, version }) => `${id}/${version}`))
    const own = (all: readonly string[]) => all.filter((line) => mine.has(line.split(' ')[0] ?? ''))
    expect(own(await segmentNames(world.ports, world.stream))).toEqual(own(names))
    await agree(world)
  }
}

/** A clock that stepped back behind what is published must pass it before anything can be published again. */
function highestHorizonMs(world: MemoryWorld): number {
  const item = world.keyed.items.get('batch/test\u0000pointer')
  const pointer = item && (JSON.parse(Buffer.from(item.data).toString()) as { horizon: number })
  return (pointer?.horizon ?? 0) * 60_000
}

function expected(error: unknown): void {
  if (!(error instanceof RunRefusedError) && !(error instanceof RunLostError)) throw error
}

async function agree(world: MemoryWorld): Promise<void> {
  for (const view of viewsOf(world.stream))
    expect(await answers(world.ports, view), view.id).toEqual(await oracle(world.ports, world.stream, view))
}

const RUNS = Number(process.env.WEIR_RUNS ?? 150)

describe('any history of appends, releases, retractions, clocks and recomputes under faults', () => {
  it('ends in answers that the records make, in segments that the whole would make', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyOp, { maxLength: 40, size: 'max' }), async (ops) => {
        const history = new History()
        for (const op of ops) await history.play(op)
        await history.close()
      }),
      { numRuns: RUNS },
    )
  }, 600_000)
})
