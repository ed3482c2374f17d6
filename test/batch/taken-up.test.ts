import { expect, it } from 'vitest'
import { batchSteps } from '../../lib/batch/steps.ts'
import { testStream } from '../master/test-stream.ts'
import { driveRun, MemoryWorld } from './memory-world.ts'
import { answers, batchObjects, oracle, viewsOf } from './world.ts'

const settings = { slackMs: 300_000, graceMs: 3_600_000, leaseMs: 20 * 60_000 }

function feed(world: MemoryWorld, records: number): void {
  for (let i = 0; i < records; i++) {
    world.append(i % 2, { text: `t${i % 3}`, integer: i, list: [`l${i % 2}`, 'all'] })
    world.pass(15_000)
  }
}

async function agree(world: MemoryWorld): Promise<void> {
  for (const view of viewsOf(testStream))
    expect(await answers(world.ports, view), view.id).toEqual(await oracle(world.ports, testStream, view))
}

/** A run that plans, recomputes for 50 minutes, merges, and dies before it publishes. */
async function died(world: MemoryWorld, run: string): Promise<void> {
  const steps = batchSteps(world.ports, () => testStream, settings)
  const input = { stream: testStream.name }
  const { shards } = await steps.plan({ input, execution: run }, world.clock.ms + 900_000)
  for (let i = 0; i < 5; i++) {
    world.pass(600_000)
    for (const shard of shards) await steps.recompute(shard)
  }
  const merge = await steps.merge({ stream: testStream.name, run })
  for (const part of merge?.parts ?? []) await steps.merge(part)
}

const notesOf = (world: MemoryWorld, run: string) => batchObjects(world.ports, testStream, `runs/${run}/`)

// The plan is older than the time of grace when another run sweeps, what it was merged into is not.
it('a run taken up again after another run has swept publishes what its own plan makes, or nothing', async () => {
  const world = new MemoryWorld(testStream)
  feed(world, 40)
  await world.settle()
  world.pass(400_000)
  await died(world, 'a')
  const notes = await notesOf(world, 'a')
  feed(world, 40)
  await world.settle()
  world.pass(21 * 60_000)
  await driveRun(world.ports, testStream, 'b', { settings })
  expect(await notesOf(world, 'a')).toEqual(notes)
  await agree(world)
  feed(world, 40)
  await world.settle()
  world.pass(400_000)
  await expect(driveRun(world.ports, testStream, 'a', { settings })).rejects.toThrow(
    'was overtaken by another',
  )
  await agree(world)
})

it('a run whose notes are partly gone does not use what is left of an earlier plan', async () => {
  const world = new MemoryWorld(testStream)
  feed(world, 40)
  await world.settle()
  world.pass(400_000)
  await died(world, 'a')
  for (const key of await notesOf(world, 'a'))
    if (/(plan|frontier)\.json$|shards\//.test(key)) await world.objects.delete(key)
  feed(world, 40)
  await world.settle()
  world.pass(400_000)
  expect((await driveRun(world.ports, testStream, 'a', { settings })).published).toBe(true)
  await agree(world)
})

it('notes of a run that nothing was added to for the time of grace all go', async () => {
  const world = new MemoryWorld(testStream)
  feed(world, 40)
  await world.settle()
  world.pass(400_000)
  await died(world, 'a')
  world.pass(settings.graceMs + 1)
  await driveRun(world.ports, testStream, 'b', { settings })
  expect(await notesOf(world, 'a')).toEqual([])
  feed(world, 40)
  await world.settle()
  world.pass(400_000)
  expect((await driveRun(world.ports, testStream, 'a', { settings })).published).toBe(true)
  await agree(world)
})
