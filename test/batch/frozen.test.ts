import { beforeEach, describe, expect, it } from 'vitest'
import { UNSWEPT_MS } from '../../lib/batch/put-segment.ts'
import { segmentKey } from '../../lib/state/batch-index.ts'
import { batchKey, loadBatchPointer, pointerItem } from '../../lib/state/batch-pointer.ts'
import { RunLostError, takeLease } from '../../lib/state/batch-run.ts'
import { testStream } from '../master/test-stream.ts'
import { driveRun, MemoryWorld, SETTINGS } from './memory-world.ts'
import { viewsOf } from './world.ts'

const EPOCH_MS = 60_000
let world: MemoryWorld
beforeEach(async () => {
  world = new MemoryWorld(testStream)
  feed(20)
  await world.settle()
})

function feed(records: number): void {
  for (let i = 0; i < records; i++) {
    world.append(i % 2, { text: `t${i % 3}`, integer: i, list: [] })
    world.pass(10_000)
  }
}

// A time of a whole second may be one that the store has cut: then the epoch is over a second later.
it.each([
  ['the slack', 7, 0],
  ['the slack and a second where the store may tell whole seconds only', 0, 1000],
])('an epoch is covered once it has been over for %s, not before', async (_, intoEpochMs, moreMs) => {
  const epoch = Math.ceil(world.clock.ms / EPOCH_MS) + 1
  // The epoch's first record, archived as it is appended.
  world.pass((epoch - 1) * EPOCH_MS + intoEpochMs - world.clock.ms)
  world.append(0, { text: 'first', integer: 1, list: [] })
  await world.settle()
  world.pass(epoch * EPOCH_MS + SETTINGS.slackMs + moreMs - 1 - world.clock.ms)
  expect((await driveRun(world.ports, testStream, 'early')).horizon).toBe(epoch - 1)
  world.pass(1)
  expect((await driveRun(world.ports, testStream, 'over')).horizon).toBe(epoch)
})

it('records behind the frozen ends are not read, whatever their epoch', async () => {
  world.pass(2 * EPOCH_MS)
  world.append(0, { text: 'held up', integer: 1, list: [] }, world.clock.ms)
  world.pass(2 * EPOCH_MS)
  // Shows that the epoch of the one before is over.
  world.append(1, { text: 'next', integer: 1, list: [] })
  const frozen = world.entries.length
  // Archive takes it after the ends were read, in one file with a record that a clock behind has stamped.
  const { clock } = world.ports
  const sleep = async (ms: number) => {
    const nowMs = world.clock.ms
    world.clock.ms -= 3 * EPOCH_MS
    if (world.entries.length === frozen) world.append(0, { text: 'late', integer: 2, list: [] })
    world.clock.ms = nowMs + ms
    await world.settle()
  }
  const result = await driveRun({ ...world.ports, clock: { ...clock, sleep } }, testStream, 'first')
  expect(world.entries.length).toBe(frozen + 1)
  expect(result.views.map(({ records }) => records)).toEqual(Array(3).fill(frozen - 1))
  world.pass(EPOCH_MS)
  const next = await driveRun(world.ports, testStream, 'next')
  expect(next.late).toEqual([{ topic: 'test.raw.g1', partition: 0, records: 1 }])
})

describe('a swap fails where, right before it,', () => {
  /** Runs `meddle` before the transaction that publishes; what stands afterwards must be as it left it. */
  async function refused(meddle: () => Promise<void>): Promise<void> {
    const keyed = new Proxy(world.keyed, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (name !== 'transact') return typeof value === 'function' ? value.bind(target) : value
        return async (...puts: Parameters<typeof target.transact>) => {
          await meddle()
          return target.transact(...puts)
        }
      },
    })
    await driveRun(world.ports, testStream, 'first')
    feed(20)
    await world.settle()
    const run = driveRun(world.portsOn(keyed, world.objects), testStream, 'slow')
    await expect(run).rejects.toThrow(RunLostError)
    expect((await loadBatchPointer(world.keyed, 'test'))?.pointer.run).toBe('first')
  }

  it('the pointer was replaced, though the lease is the run’s', () =>
    refused(async () => {
      const loaded = await loadBatchPointer(world.keyed, 'test')
      if (loaded === undefined) throw new Error('nothing was published')
      const item = pointerItem('test', { ...loaded.pointer, publishedMs: loaded.pointer.publishedMs + 1 })
      await world.keyed.put(item, 'any')
    }))

  it('another has taken the lease, though the pointer stands', () =>
    refused(async () => {
      world.pass(SETTINGS.leaseMs + 1)
      await takeLease(world.ports, 'test', 'other', SETTINGS.leaseMs)
      expect(await world.keyed.get(batchKey('test'), 'run')).toBeDefined()
    }))
})

it('a segment that nothing refers to stays for a day: a run may be about to', async () => {
  world.pass(EPOCH_MS)
  const [view] = viewsOf(testStream)
  if (view === undefined) throw new Error('the test stream has no view')
  const key = segmentKey(view, 'a'.repeat(64))
  await world.objects.put(key, Buffer.from('a segment'))
  world.pass(UNSWEPT_MS / 2)
  await driveRun(world.ports, testStream, 'soon')
  expect(await world.objects.head(key)).toBeDefined()
  world.pass(24 * 3_600_000)
  feed(6)
  await world.settle()
  world.pass(EPOCH_MS)
  await driveRun(world.ports, testStream, 'later')
  expect(await world.objects.head(key)).toBeUndefined()
  expect(UNSWEPT_MS).toBeGreaterThanOrEqual(24 * 3_600_000)
})
