import { expect, it } from 'vitest'
import { queryView } from '../../lib/serve/query.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { keptFromMs } from '../../lib/state/batch-index.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { compileView } from '../../lib/views/view.ts'
import { testStream } from '../master/test-stream.ts'
import { driveRun, MemoryWorld } from './memory-world.ts'
import { answers, batchObjects, indexes, oracle, segmentNames } from './world.ts'

const DAY_MS = 86_400_000
const RETENTION_DAYS = 2

function keeping(retentionDays: number): Stream {
  const definition = {
    title: 'Kept for some days',
    groupBy: ['text'],
    slotMs: 60_000,
    retentionDays,
    aggregates: { sum: { kind: 'sum' as const, field: 'integer' } },
  }
  return { ...testStream, views: { kept: definition } }
}

function viewOf({ views }: Stream) {
  const definition = views.kept
  if (definition === undefined) throw new Error('the stream has no such view')
  return compileView('test', 'kept', definition)
}

let runs = 0
const run = (world: MemoryWorld, full = false) =>
  driveRun(world.ports, world.stream, `run-${runs++}`, { full })

async function day(world: MemoryWorld): Promise<void> {
  for (let i = 0; i < 6; i++) {
    // Some are as late as a query may still ask for, some far later.
    const ageMs = [0, 0, 3_600_000, DAY_MS * 1.5, DAY_MS * 6, DAY_MS * 400][i] ?? 0
    world.append(i % 2, { text: `t${i % 3}`, integer: i + 1, list: [] }, world.clock.ms - ageMs)
    world.pass(60_000)
  }
  await world.settle()
  world.pass(DAY_MS)
  await run(world)
}

/** What a query may be answered with, of all that the master makes. */
async function due(world: MemoryWorld): Promise<readonly unknown[]> {
  const view = viewOf(world.stream)
  const { retentionDays = 0 } = view.definition
  const from = new Date(view.slotOf(world.clock.ms - retentionDays * DAY_MS)).toISOString()
  const all = (await oracle(world.ports, world.stream, view)) as readonly (readonly [string, string])[]
  return all.filter(([, slot]) => slot >= from)
}

async function agree(world: MemoryWorld): Promise<void> {
  expect(await answers(world.ports, viewOf(world.stream))).toEqual(await due(world))
  expect((await verifyStream(world.ports, world.stream)).problems).toEqual([])
}

it('chunks that no query asks for any more leave the index, then the store', async () => {
  const world = new MemoryWorld(keeping(RETENTION_DAYS))
  for (let i = 0; i < 9; i++) {
    await day(world)
    await agree(world)
    const names = await segmentNames(world.ports, world.stream)
    await run(world, true)
    // What was added to has the chunks that are made from the first record on.
    expect(await segmentNames(world.ports, world.stream)).toEqual(names)
    await agree(world)
  }
  const [index] = Object.values(await indexes(world.ports, world.stream))
  if (index === undefined) throw new Error('nothing was published')
  expect(index.keptFromMs).toBe(keptFromMs({ slotMs: 60_000, retentionDays: RETENTION_DAYS }, index.covers))
  expect(index.chunks.length).toBeLessThanOrEqual(RETENTION_DAYS + 4)
  expect(Math.min(...index.chunks.map(({ from }) => from))).toBeGreaterThanOrEqual(index.keptFromMs ?? 0)
  const segments = await batchObjects(world.ports, world.stream, '/segments/')
  expect(segments.length).toBeLessThan(2 * (RETENTION_DAYS + 4))
})

it('a release that keeps more days has them built from the master again', async () => {
  const world = new MemoryWorld(keeping(RETENTION_DAYS))
  for (let i = 0; i < 8; i++) await day(world)
  const before = (await queryView(world.ports, viewOf(world.stream), {}, world.clock.ms)).rows.length
  world.stream = keeping(30)
  const result = await run(world)
  expect(result.views.map(({ mode, why }) => [mode, why])).toEqual([
    ['full', 'it is to keep days that had been left out'],
  ])
  await agree(world)
  expect((await due(world)).length).toBeGreaterThan(before)
})

it('what a query may ask for is kept, wherever in an epoch or a chunk the horizon and the query lie', () => {
  for (const slotMs of [60_000, 3_600_000, DAY_MS])
    for (const retentionDays of [1, 2, 45])
      for (const epochMs of [60_000, 3_600_000, DAY_MS])
        for (let horizon = Math.floor(5e12 / epochMs), i = 0; i < 40; i++, horizon++) {
          const definition = { title: '', slotMs, retentionDays, groupBy: [], aggregates: {} }
          const view = compileView('test', 'kept', definition)
          const oldest = view.slotOf(horizon * epochMs - retentionDays * DAY_MS)
          expect(keptFromMs(definition, { horizon, epochMs })).toBeLessThanOrEqual(oldest)
        }
})
