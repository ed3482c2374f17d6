import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NO_PUBLISHER } from '../../bin/with-ports.ts'
import { Pipeline } from '../../lib/local/pipeline.ts'
import { UpkeepTimer } from '../../lib/local/upkeep-timer.ts'
import type { BatchFigures } from '../../lib/ports/metrics.ts'
import { network } from '../../streams/network.ts'
import { answer, delay, eventually, inFolder, WeirProcess } from '../end-to-end/weir.ts'
import { madeLines } from '../real/network-lines.ts'

interface Compacted {
  readonly compacted: { readonly replaced: number; readonly written: number; readonly problems: string[] }
}

describe('upkeep on one machine', { timeout: 120_000 }, () => {
  it('merges what several replays left in small files; verify and queries say the same as before', async () => {
    await inFolder(async (dir) => {
      const data = ['--data', join(dir, 'data')]
      for (let i = 0; i < 3; i++) {
        await writeFile(join(dir, `${i}.csv`), `${madeLines(300, i + 1).join('\n')}\n`)
        await answer(['replay', 'network', join(dir, `${i}.csv`), ...data])
      }
      const query = ['query', 'network.byService', '--layer', 'speed', ...data]
      const before = await answer<{ rows: unknown }>(query)
      const done = await answer<Compacted>(['compact', 'network', '--open-hours', ...data])
      expect(done.compacted.replaced).toBeGreaterThan(done.compacted.written)
      expect(done.compacted.written).toBeGreaterThan(0)
      const again = await answer<Compacted>(['compact', 'network', '--open-hours', ...data])
      expect(again.compacted).toMatchObject({ replaced: 0, written: 0, problems: [] })
      expect(await answer(['verify', 'network', ...data])).toMatchObject({ ok: true })
      expect((await answer<{ rows: unknown }>(query)).rows).toEqual(before.rows)
    })
  })

  it('may be killed at any moment beside a replay that runs: verify finds every record once', async () => {
    await inFolder(async (dir) => {
      const data = ['--data', join(dir, 'data')]
      await writeFile(join(dir, 'lines.csv'), `${madeLines(12_000).join('\n')}\n`)
      const replay = ['replay', 'network', join(dir, 'lines.csv'), '--rate', '1500', ...data]
      const compact = ['compact', 'network', '--open-hours', ...data]
      // A compaction may be done before its kill: then there is another replay, and another chance.
      let killed = 0
      for (let replays = 0; replays === 0 || (killed < 3 && replays < 8); replays++)
        killed += await killedDuring(replay, compact)
      expect(killed).toBeGreaterThan(2)
      await answer<Compacted>(['compact', 'network', '--open-hours', ...data])
      expect(await answer(['verify', 'network', ...data])).toMatchObject({ ok: true })
    })
  })

  it('is run from time to time in a process of its own, for every stream, whatever becomes of one', async () => {
    await inFolder(async (dir) => {
      const figures: BatchFigures[] = []
      const pipeline = await Pipeline.open({
        data: join(dir, 'data'),
        site: 'local',
        streams: [network],
        publisher: NO_PUBLISHER,
        onFigures: (one) => void figures.push(one),
      })
      const troubles: string[] = []
      const timer = new UpkeepTimer({
        streams: ['no-such', 'network'],
        env: pipeline.workerEnv,
        onTrouble: (message) => void troubles.push(message),
        everyMs: 100,
      })
      timer.start()
      await eventually('its figures', () => figures.find(({ stage }) => stage === 'compact'))
      expect(figures[0]).toMatchObject({ stream: 'network', figures: { replaced: 0, problems: 0 } })
      expect(troubles[0]).toContain('no-such')
      await timer.stop()
      expect(timer.worker.pid).toBeUndefined()
      await pipeline.stop()
    })
  })
})

/** Runs a command to its end, and beside it another again and again, which is killed after a while; how often it was. */
async function killedDuring(command: readonly string[], victim: readonly string[]): Promise<number> {
  const running = new WeirProcess([...command])
  let ended = false
  void running.ended.then(() => {
    ended = true
  })
  let killed = 0
  for (let round = 0; !ended; round++) {
    const one = new WeirProcess([...victim])
    await Promise.race([delay(200 + ((round * 137) % 700)), one.ended])
    const { signal } = await one.kill().then(() => one.ended)
    if (signal === 'SIGKILL') killed++
  }
  expect(await running.ended).toMatchObject({ code: 0 })
  return killed
}
