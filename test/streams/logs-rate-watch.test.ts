import { expect, it } from 'vitest'
import { trainStream } from '../../lib/batch/train.ts'
import { WatchTimer } from '../../lib/local/watch-timer.ts'
import { Watch } from '../../lib/serve/watch.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import { logs } from '../../streams/logs.ts'
import { network } from '../../streams/network.ts'
import { LocalWorld } from '../master/local-world.ts'

const SLOT_MS = 300_000
const START_MS = 1_699_999_800_000

it('a running pipeline raises a change of rate by itself, once', async () => {
  const world = await LocalWorld.open(logs)
  const troubles: string[] = []
  const timer = new WatchTimer({
    watch: new Watch(world.ports, [network, logs], { frameIntervalMs: 0 }),
    nowMs: () => world.clock.ms,
    onTrouble: (message) => troubles.push(message),
    everyMs: 20,
  })
  try {
    for (let slot = 0; slot < 24; slot++) {
      const from = START_MS + slot * SLOT_MS
      world.clock.ms = from + SLOT_MS - 1
      const times = Array.from({ length: slot === 23 ? 300 : 30 }, (_, i) => new Date(from + i).toISOString())
      await world.feed(
        slot % 4,
        ...times.map((time, i) => `<14>1 ${time} web01 app 7 - - request ${i} was served`),
      )
      // The slot that is far from usual comes after the training.
      if (slot === 22) {
        await world.run(['score', 'archive', 'count'], 10_000)
        expect(await trainStream(world.ports, logs, { seed: 1 })).toMatchObject({ published: true })
      }
    }
    await world.run(['score', 'archive', 'count'], 10_000)
    world.clock.ms = START_MS + 24 * SLOT_MS + 61_000
    timer.start()
    const log = new AlertLog('logs', world.ports)
    const untilMs = Date.now() + 60_000
    while ((await log.end()).total === 0 && Date.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 20))
    await new Promise((resolve) => setTimeout(resolve, 200))
    await timer.stop()
    expect(troubles).toEqual([])
    expect((await log.end()).total).toBe(1)
    expect((await log.page(0))?.[0]?.title).toMatch(
      /^Rate up from web01: 300 lines in 5 minutes, 30 expected: /,
    )
  } finally {
    await timer.stop()
    await world.ports.close()
  }
})
