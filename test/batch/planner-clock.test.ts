import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import { testStream } from '../master/test-stream.ts'
import { driveRun, MemoryWorld, SETTINGS } from './memory-world.ts'
import { answers, oracle, viewsOf } from './world.ts'

const HOUR_MS = 3_600_000
const EPOCH_MS = 60_000

const anyOp = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      partition: fc.nat(1),
      n: fc.integer({ min: 1, max: 4 }),
      /** The partition's broker is behind the other clocks, by less than the slack. */
      behindMs: fc.constantFrom(0, 0, 900, SETTINGS.slackMs - 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 150_000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('archive' as const, 'count' as const),
      partition: fc.nat(1),
      n: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('recompute' as const),
      aheadMs: fc.constantFrom(0, 3 * EPOCH_MS, 5 * HOUR_MS, 900 * HOUR_MS, -HOUR_MS),
      full: fc.constantFrom(false, false, true),
    }),
  },
)
type Op = typeof anyOp extends fc.Arbitrary<infer T> ? T : never

/** Records come while machines with any clock recompute; answers are looked at all the time, not only at the end. */
class Attack {
  readonly world = new MemoryWorld(testStream)
  wrong = 0
  runsAhead = 0
  #made = 0
  #runs = 0

  async play(op: Op, wrap: (world: MemoryWorld) => ObjectStore = ({ objects }) => objects): Promise<void> {
    const { world } = this
    switch (op.do) {
      case 'append':
        for (let i = 0; i < op.n; i++) this.#append(op.partition, op.behindMs)
        break
      case 'pass':
        return world.pass(op.ms)
      case 'archive':
        return world.archive(op.partition, op.n)
      case 'count':
        return world.count(op.partition, op.n)
      case 'recompute':
        await this.#recompute(op.aheadMs, op.full, wrap(world))
    }
    await this.#look()
  }

  #append(partition: number, behindMs: number): void {
    const n = this.#made++
    const value = { text: `t${n % 3}`, integer: n % 7, number: n / 8, list: [`l${n % 3}`] }
    this.world.clock.ms -= behindMs
    this.world.append(partition, value)
    this.world.clock.ms += behindMs
  }

  /** While it waits for the archive, more comes. */
  async #recompute(aheadMs: number, full: boolean, objects: ObjectStore): Promise<void> {
    const { world } = this
    const ports = world.portsOn(world.keyed, objects)
    const sleep = async (ms: number) => {
      this.#append(this.#made % 2, 0)
      world.pass(ms)
      for (const partition of world.ends.keys()) await world.archive(partition)
    }
    world.aheadMs = aheadMs
    const run = `run-${this.#runs++}`
    const result = await driveRun({ ...ports, clock: { ...ports.clock, sleep } }, testStream, run, { full })
    world.aheadMs = 0
    // Its lease was taken by a clock of its own.
    world.keyed.items.delete('batch/test\u0000run')
    if (aheadMs > 0 && result.published && result.horizon > 0) this.runsAhead++
  }

  async #look(): Promise<void> {
    const { world } = this
    await world.settle()
    for (const view of viewsOf(testStream)) {
      const [found, due] = [await answers(world.ports, view), await oracle(world.ports, testStream, view)]
      if (JSON.stringify(found) !== JSON.stringify(due)) this.wrong++
    }
  }
}

/** Shows, as the time at which the ends were asked for, what the planner's clock says. */
function believing(world: MemoryWorld): ObjectStore {
  const head: ObjectStore['head'] = async (key) => {
    const info = await world.objects.head(key)
    return info && key.endsWith('/asked.json')
      ? { ...info, modifiedMs: info.modifiedMs + world.aheadMs }
      : info
  }
  return new Proxy(world.objects, {
    get(target, name) {
      const member: unknown = name === 'head' ? head : Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

async function attack(ops: readonly Op[], wrap?: (world: MemoryWorld) => ObjectStore): Promise<Attack> {
  const one = new Attack()
  for (const op of ops) await one.play(op, wrap)
  return one
}

const RUNS = Math.min(400, Number(process.env.WEIR_RUNS ?? 40))
const histories = fc.array(anyOp, { minLength: 6, maxLength: 25, size: 'max' })

describe('a recompute on a machine whose clock is hours ahead', () => {
  it('covers no epoch that gets records afterwards: every answer is right at once', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (ops) => {
        expect((await attack(ops)).wrong).toBe(0)
      }),
      { numRuns: RUNS },
    )
  }, 300_000)

  it('publishes all the same, and lies where its own clock is believed', async () => {
    let runsAhead = 0
    let wrong = 0
    for (const ops of fc.sample(histories, { numRuns: 200, seed: 11 })) {
      if (runsAhead > 0 && wrong > 0) break
      const one = await attack(ops, believing)
      runsAhead += one.runsAhead
      wrong += one.wrong
    }
    expect(runsAhead).toBeGreaterThan(0)
    expect(wrong).toBeGreaterThan(0)
  }, 300_000)

  it('covers everything of a stream that has been idle for long enough', async () => {
    const world = new MemoryWorld(testStream)
    for (let i = 0; i < 6; i++) world.append(i % 2, { text: 'a', integer: i, list: [] })
    await world.settle()
    world.pass(10 * EPOCH_MS)
    world.aheadMs = 5 * HOUR_MS
    const first = await driveRun(world.ports, testStream, 'first')
    expect(first.complete).toBe(true)
    expect(first.views.map(({ records }) => records)).toEqual([6, 6, 6])
    // Not above the newest record's own epoch, for then there is nothing to cover.
    expect(first.horizon).toBe(Math.floor((world.clock.ms - 10 * EPOCH_MS) / EPOCH_MS) + 1)
  })

  it('does not put the horizon of a stream without records in the future', async () => {
    const world = new MemoryWorld(testStream)
    world.aheadMs = 5 * HOUR_MS
    expect(await driveRun(world.ports, testStream, 'first')).toMatchObject({ horizon: 0, complete: true })
  })
})
