import { describe, expect, it } from 'vitest'
import { RunLostError, RunRefusedError } from '../../lib/state/batch-run.ts'
import { testStream } from '../master/test-stream.ts'
import { Killed } from '../support/schedule.ts'
import { driveRun, MemoryWorld, SETTINGS } from './memory-world.ts'
import { answers, oracle, segmentNames, viewsOf } from './world.ts'

const KEYED = ['get', 'put', 'transact', 'delete'] as const
const OBJECTS = ['get', 'put', 'head', 'delete'] as const

/** Lets `calls` requests take place; the next one does not, or does and is not heard of, and none after it. */
function dying<T extends object>(
  target: T,
  methods: readonly (keyof T)[],
  left: { calls: number; readonly after: boolean },
): T {
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name, object)
      if (typeof member !== 'function') return member
      const bound = member.bind(object) as (...args: unknown[]) => Promise<unknown>
      if (!methods.includes(name as keyof T)) return bound
      return async (...args: unknown[]) => {
        left.calls--
        if (left.calls < -1) throw new Killed()
        if (left.calls === -1 && !left.after) throw new Killed()
        const result = await bound(...args)
        if (left.calls === -1) throw new Killed()
        return result
      }
    },
  })
}

/** History with a batch view, boards of two epochs beyond it, a record of each partition still to be archived. */
async function history(): Promise<MemoryWorld> {
  const world = new MemoryWorld(testStream)
  const feed = (n: number) => {
    for (let i = 0; i < n; i++) {
      const text = `t${i % 3}`
      world.append(i % 2, { text, integer: i, list: [`l${i % 2}`, 'all'] })
      world.pass(15_000)
    }
  }
  feed(12)
  await world.settle()
  world.pass(5_000)
  await driveRun(world.ports, testStream, 'first')
  feed(12)
  await world.settle()
  // Old enough for the boards under the first run's horizon to go.
  world.pass(SETTINGS.graceMs)
  feed(3)
  await world.settle()
  // All of it is over, by the records' own showing too: runs at any later time cover the same.
  world.pass(120_000)
  return world
}

async function agree(world: MemoryWorld): Promise<void> {
  for (const view of viewsOf(world.stream))
    expect(await answers(world.ports, view), view.id).toEqual(await oracle(world.ports, world.stream, view))
}

/** How many requests a run makes that nothing happens to. */
async function clean(full: boolean) {
  const world = await history()
  const left = { calls: 1_000_000, after: false }
  const ports = world.portsOn(dying(world.keyed, KEYED, left), dying(world.objects, OBJECTS, left))
  await driveRun(ports, testStream, 'second', { full })
  await agree(world)
  return { calls: 1_000_000 - left.calls, names: await segmentNames(world.ports, testStream) }
}

describe.each([
  ['added', false],
  ['full', true],
])('a run (%s) killed at any request', (_, full) => {
  it.each([
    ['before', false],
    ['after', true],
  ])(
    '%s it took place goes on under its id, or another takes over, to the same bytes',
    async (_, after) => {
      const { calls, names } = await clean(full)
      expect(calls).toBeGreaterThan(40)
      for (let at = 0; at < calls; at++) {
        const world = await history()
        const left = { calls: at, after }
        const ports = world.portsOn(dying(world.keyed, KEYED, left), dying(world.objects, OBJECTS, left))
        await expect(driveRun(ports, testStream, 'second', { full }), `call ${at}`).rejects.toThrow(Killed)
        await agree(world)
        if (at % 2 === 0) await driveRun(world.ports, testStream, 'second', { full })
        else {
          world.pass(SETTINGS.leaseMs)
          await driveRun(world.ports, testStream, 'third', { full })
          const again = driveRun(world.ports, testStream, 'second', { full })
          // The dead run, woken up: it has ended, or is not let in any more; it never changes what stands.
          await again.catch((error: unknown) => {
            if (!(error instanceof RunLostError)) throw error
          })
        }
        await agree(world)
        expect(await segmentNames(world.ports, testStream), `call ${at}`).toEqual(names)
      }
    },
    120_000,
  )
})

/** Does something before each request. */
function interrupting<T extends object>(target: T, happen: (name: string | symbol) => Promise<void>): T {
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name, object)
      if (typeof member !== 'function') return member
      const bound = member.bind(object) as (...args: unknown[]) => unknown
      if (name === 'query' || name === 'list')
        return async function* (...args: unknown[]) {
          await happen(name)
          yield* bound(...args) as AsyncIterable<unknown>
        }
      return async (...args: unknown[]) => {
        await happen(name)
        return bound(...args)
      }
    },
  })
}

describe('a query under which views are swapped', () => {
  it.each([
    ['published', false],
    ['published, and what they replace deleted', true],
  ])(
    '(%s) at any request answers from one of them and never from both',
    async (_, expired) => {
      for (const view of viewsOf(testStream)) {
        let swapped = true
        for (let at = 0; swapped; at++) {
          const world = await history()
          const expected = await oracle(world.ports, testStream, view)
          let calls = 0
          swapped = false
          const happen = async () => {
            if (calls++ !== at) return
            swapped = true
            await driveRun(world.ports, testStream, 'second')
            if (!expired) return
            world.pass(SETTINGS.graceMs)
            await driveRun(world.ports, testStream, 'third')
            world.pass(SETTINGS.graceMs + 90_000_000)
            await driveRun(world.ports, testStream, 'fourth', { full: true })
          }
          const ports = world.portsOn(interrupting(world.keyed, happen), interrupting(world.objects, happen))
          expect(await answers(ports, view), `${view.id}, request ${at}`).toEqual(expected)
        }
      }
    },
    240_000,
  )
})

describe('two runs of a stream', () => {
  it('are not let in at once; the second is told who is there', async () => {
    const world = await history()
    const left = { calls: 20, after: false }
    const ports = world.portsOn(dying(world.keyed, KEYED, left), dying(world.objects, OBJECTS, left))
    await expect(driveRun(ports, testStream, 'dead')).rejects.toThrow(Killed)
    await expect(driveRun(world.ports, testStream, 'other')).rejects.toThrow(RunRefusedError)
    await expect(driveRun(world.ports, testStream, 'other')).rejects.toThrow(
      /run dead recomputes it since 20\d\d-.*--run-id dead/,
    )
    world.pass(SETTINGS.leaseMs + 1)
    await driveRun(world.ports, testStream, 'other')
    await agree(world)
  })

  it('that was overtaken cannot publish', async () => {
    const world = await history()
    // Sleeps beyond its lease right before its transaction.
    let slept = false
    const keyed = interrupting(world.keyed, async (name) => {
      if (name !== 'transact' || slept) return
      slept = true
      world.pass(SETTINGS.leaseMs + 1)
      await driveRun(world.ports, testStream, 'faster')
    })
    await expect(driveRun(world.portsOn(keyed, world.objects), testStream, 'slow')).rejects.toThrow(
      RunLostError,
    )
    await agree(world)
  })
})

describe('clocks', () => {
  it('that stepped back beyond the slack are noticed: everything is built anew, and it is said', async () => {
    const world = await history()
    const { horizon } = await driveRun(world.ports, testStream, 'second')
    const now = world.clock.ms
    world.clock.ms = (horizon - 3) * 60_000
    world.append(1, { text: 'late', integer: 1, list: ['late'] })
    world.append(1, { text: 'late', integer: 2, list: ['late'] })
    world.clock.ms = now + 120_000
    world.append(1, { text: 'in time', integer: 2, list: ['late'] })
    world.pass(120_000)
    await world.settle()
    const result = await driveRun(world.ports, testStream, 'third')
    expect(result.late).toEqual([{ topic: 'test.raw.g1', partition: 1, records: 2 }])
    expect(result.views.map(({ mode, why }) => [mode, why])).toEqual(
      Array(3).fill(['full', 'records of epochs it covers were appended after it was planned']),
    )
    await agree(world)
    world.append(0, { text: 'next', list: [] })
    world.pass(120_000)
    await world.settle()
    expect((await driveRun(world.ports, testStream, 'fourth')).views.map(({ mode }) => mode)).toEqual(
      Array(3).fill('added'),
    )
    await agree(world)
  })

  it('of a planner that are behind what is published hold nothing up and change nothing', async () => {
    const world = await history()
    const { horizon } = await driveRun(world.ports, testStream, 'second')
    const names = await segmentNames(world.ports, testStream)
    world.aheadMs = -3_600_000
    const third = await driveRun(world.ports, testStream, 'third', { full: true })
    expect(third.horizon).toBe(horizon)
    expect(await segmentNames(world.ports, testStream)).toEqual(names)
    await agree(world)
  })
})
