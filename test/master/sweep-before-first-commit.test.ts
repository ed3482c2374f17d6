import { describe, expect, it } from 'vitest'
import { compactStream } from '../../lib/master/compact.ts'
import type { MasterFile } from '../../lib/master/manifest.ts'
import { commit, putChapter, readManifest } from '../../lib/master/manifest-store.ts'
import { cutRuns, writeFile } from '../../lib/master/new-file.ts'
import { sweepOrphans } from '../../lib/master/sweep.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { driveRun, MemoryWorld } from '../batch/memory-world.ts'
import { answers, oracle, viewsOf } from '../batch/world.ts'
import { testStream } from './test-stream.ts'

const RAW = topicName('test', 'raw')
const PAUSE_MS = 2 * 3_600_000

/** Both partitions hold a record; partition 1 is archived; the first attempt of partition 0 has loaded and written. */
async function heldUp() {
  const world = new MemoryWorld(testStream)
  for (const partition of [0, 1]) world.append(partition, { text: 'a', integer: 1, list: [] })
  await world.archive(1)
  const loaded = await readManifest(world.objects, 'test', RAW, 0)
  const files: MasterFile[] = []
  for (const run of cutRuns(world.entries.filter(({ partition }) => partition === 0)))
    files.push(await writeFile(world.objects, testStream, run))
  world.pass(PAUSE_MS)
  const late = () => commit(world.objects, loaded, { files, progress: { nextOffset: 1, highestOrigin: 0 } })
  return { world, files, late }
}

const sweep = ({ objects, ports }: MemoryWorld) => sweepOrphans({ objects, clock: ports.clock }, 'test')

describe('a sweep before the first commit of a partition', () => {
  it('keeps an attempt that was held up from committing what is gone, and loses nothing', async () => {
    const { world, files, late } = await heldUp()
    expect((await sweep(world)).objects).toBe(1)
    expect(world.objects.held.has(files[0]?.key ?? '')).toBe(false)
    expect(await late()).toBe('moved')
    // The next attempt, and all that reads the master.
    await world.settle()
    const report = await verifyStream(world.ports, testStream)
    expect(report).toMatchObject({ exact: true, complete: true, problems: [] })
    expect(report.partitions.map(({ rows }) => rows)).toEqual([1, 1])
  })

  it('spares what was committed meanwhile', async () => {
    const { world, files, late } = await heldUp()
    expect(await late()).toBe('done')
    expect(await sweep(world)).toEqual({ objects: 0, sizeBytes: 0 })
    expect(world.objects.held.has(files[0]?.key ?? '')).toBe(true)
  })

  it('fences for a chapter too, which is written before any head', async () => {
    const world = new MemoryWorld(testStream)
    await putChapter(world.objects, { stream: 'test', topic: RAW, partition: 1 }, 1, [])
    world.pass(PAUSE_MS)
    expect((await sweep(world)).objects).toBe(1)
    expect((await readManifest(world.objects, 'test', RAW, 1)).manifest).toMatchObject({
      sweeps: 1,
      files: [],
    })
  })

  it('leaves an empty head that verify, compaction, recomputes and answers take as no records', async () => {
    const { world } = await heldUp()
    await sweep(world)
    const before = await verifyStream(world.ports, testStream)
    expect(before).toMatchObject({ exact: true, complete: false, problems: [] })
    expect(before.partitions[0]).toMatchObject({ partition: 0, files: 0, rows: 0, toArchive: 1 })
    const { objects, ports } = world
    expect(await compactStream({ objects, clock: ports.clock }, 'test')).toMatchObject({ problems: [] })
    await world.settle()
    world.pass(70_000)
    await driveRun(world.ports, testStream, 'run')
    for (const view of viewsOf(testStream))
      expect(await answers(world.ports, view)).toEqual(await oracle(world.ports, testStream, view))
  })

  it('takes an empty head of an older generation as no records', async () => {
    const world = new MemoryWorld({ ...testStream })
    await world.objects.put(`master/test/_manifests/chapters/test.raw.g0-0-0-x.json`, Buffer.from('{}'))
    world.append(0, { text: 'a', integer: 1, list: [] })
    await world.settle()
    world.pass(PAUSE_MS)
    expect((await sweep(world)).objects).toBe(1)
    await driveRun(world.ports, testStream, 'run')
    for (const view of viewsOf(testStream))
      expect(await answers(world.ports, view)).toEqual(await oracle(world.ports, testStream, view))
    expect(await verifyStream(world.ports, testStream)).toMatchObject({ exact: true, problems: [] })
  })
})
