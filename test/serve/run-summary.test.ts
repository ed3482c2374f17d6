import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runSummary } from '../../lib/serve/run-summary.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { LocalWorld } from '../master/local-world.ts'
import { testStream } from '../master/test-stream.ts'

const RAW = 'test.raw.g1'

describe('the summary of a run', () => {
  let world: LocalWorld
  beforeEach(async () => {
    world = await LocalWorld.open(testStream)
  })
  afterEach(() => world.ports.close())

  const texts = (n: number) => Array.from({ length: n }, (_, i) => `{"text":"t${i}"}`)

  it('counts no record that was lost before it or within it', async () => {
    await world.feed(0, ...texts(3))
    await world.run()
    await world.lose(0, ...texts(5))
    await world.feed(0, ...texts(10))
    await world.run()
    const after = await runSummary(world.ports, testStream, RAW, [[[8, 18]], []])
    expect(after).toMatchObject({ recordsScored: 10, archived: 10, counted: 10 })
    const around = await runSummary(world.ports, testStream, RAW, [[[1, 18]], []])
    expect(around).toMatchObject({ recordsScored: 12, archived: 12, counted: 12 })
    const report = await verifyStream(world.ports, testStream)
    expect(report).toMatchObject({ exact: true, complete: true })
    expect(report.partitions[0]).toMatchObject({ rows: 13, lost: 5 })
  })
})
