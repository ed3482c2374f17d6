import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { dataFolder } from '../../lib/local/data-folder.ts'
import { FileLogReader } from '../../lib/local/file-log-reader.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import type { ChildOrder } from './child.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { eventsIn, SpoolWriter } from './spool-writer.ts'
import { until } from './until.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const TOPIC = 'words.raw.g1'

it(
  `a collector that follows unified2 spools and is killed at random puts every event in once (SEED=${SEED})`,
  () =>
    inFolder(async (dir) => {
      const random = seededRandom(SEED)
      const folder = join(dir, 'spool')
      await mkdir(folder)
      const writer = new SpoolWriter(folder, random)
      const order: ChildOrder = {
        dir: join(dir, 'data'),
        keyed: false,
        sources: [writer.pattern],
        follow: true,
        options: { checkpointMs: 30 },
        maxBatchBytes: 6000,
        delayMsMax: 5,
      }
      const start = () =>
        spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), JSON.stringify(order)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
      let writing = true
      const written = (async () => {
        while (writing) await writer.write()
      })()
      for (let lives = 0; lives < 4; lives++) {
        const child = start()
        await once(child.stdout, 'data')
        await new Promise((resolve) => setTimeout(resolve, random() * 1000))
        child.kill('SIGKILL')
        const [, signal] = await once(child, 'exit')
        expect(signal).toBe('SIGKILL')
      }
      writing = false
      await written
      const last = start()
      last.stdout.resume()
      const reader = new FileLogReader(dataFolder(order.dir).logDir)
      const different = async () =>
        eventsIn((await everything(reader, TOPIC)).flat().map(({ value }) => value)).different
      await until('every event', async () => last.exitCode !== null || (await different()) === writer.events)
      const ended = last.exitCode === null ? once(last, 'exit') : undefined
      last.kill('SIGTERM')
      await ended
      expect(last.exitCode).toBe(0)
      const ports = await openTestPorts(order.dir)
      const values = (await everything(ports.log, TOPIC)).flat().map(({ value }) => value)
      await ports.close()
      expect(eventsIn(values)).toEqual({ different: writer.events, doubled: [], packetsDoubled: [] })
    }),
  240_000,
)
