import { appendFile, copyFile, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { followInput } from '../../lib/collect/follow/follow-input.ts'
import { startRun } from '../../lib/collect/run.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { difference, NO_DIFFERENCE, wordStream, words } from './streams.ts'
import { until as eventually } from './until.ts'

const stream = wordStream({ keyed: false })
const TOPIC = 'words.raw.g1'
const lines = (text: string) => text.trim().split('\n')

interface World {
  readonly ports: Ports
  /** Path of a file in the folder that is followed. */
  at(name: string): string
  /** Follows until `values` of the log are these, in any order, and nothing more comes; then stops. */
  until(expected: readonly string[], paths?: readonly string[], during?: () => Promise<void>): Promise<void>
  /** Resolves once so many values are in the log. */
  landed(count: number): Promise<void>
  values(): Promise<string[]>
}

function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  return inFolder(async (dir) => {
    const ports = await openTestPorts(join(dir, 'data'))
    const folder = join(dir, 'in')
    await mkdir(folder)
    const values = async () => (await everything(ports.log, TOPIC)).flat().map(({ value }) => value)
    const landed = (count: number) =>
      eventually(`${count} records`, async () => (await values()).length >= count)
    const until: World['until'] = async (expected, paths = [folder], during) => {
      const stop = new AbortController()
      const live = [followInput({ clock: ports.clock, paths, lingerMs: 10_000 })]
      const running = startRun({ ports, stream, sources: paths, live, signal: stop.signal })
      const failed = running.then(
        () => undefined,
        (error: unknown) => error,
      )
      await during?.()
      const ended = Symbol('ended')
      const waiting = Promise.race([landed(expected.length), failed.then(() => ended)])
      await waiting.catch(() => undefined)
      await ports.clock.sleep(300)
      stop.abort()
      expect(await failed).toBeUndefined()
      expect(difference(await values(), expected)).toEqual(NO_DIFFERENCE)
    }
    try {
      await use({ ports, at: (name) => join(folder, name), until, landed, values })
    } finally {
      await ports.close()
    }
  })
}

describe('following', () => {
  it('gives what is there and what comes, whole lines only, each once over several starts', () =>
    withWorld(async ({ at, until }) => {
      await writeFile(at('a.csv'), words(3000))
      await until(lines(words(3000)))
      await appendFile(at('a.csv'), `${words(10, 3000)}3010,ha`)
      await until(lines(words(3010)))
      await appendFile(at('a.csv'), 'lf\n')
      await until([...lines(words(3010)), '3010,half'])
      await until([...lines(words(3010)), '3010,half'])
    }))

  it('finds new files in a folder, and in new folders below it', () =>
    withWorld(async ({ at, until }) => {
      await writeFile(at('a.csv'), words(100))
      await until(lines(words(300)), undefined, async () => {
        await writeFile(at('b.csv'), words(100, 100))
        await mkdir(at('below'))
        await writeFile(at('below/c.csv'), words(100, 200))
      })
    }))

  it('finds a file that comes later, and those that a pattern matches later', () =>
    withWorld(async ({ at, until }) => {
      await until(lines(words(200)), [at('late.csv'), at('p-*.csv')], async () => {
        await writeFile(at('late.csv'), words(100))
        await writeFile(at('p-1.csv'), words(100, 100))
        await writeFile(at('other.csv'), words(100, 500))
      })
    }))

  it('reads the rest of a file that is renamed, followed or not under its new name', () =>
    withWorld(async ({ at, until, landed }) => {
      await writeFile(at('a.csv'), words(100))
      await until(lines(words(400)), [at('a.csv')], async () => {
        await landed(100)
        for (let n = 100; n < 400; n += 100) {
          await appendFile(at('a.csv'), words(50, n))
          await rename(at('a.csv'), at(`a.csv.${n}`))
          // The writer still has the old file open, and opens the new one.
          await appendFile(at(`a.csv.${n}`), words(25, n + 50))
          await writeFile(at('a.csv'), words(25, n + 75))
          await landed(n + 100)
        }
      })
    }))

  it('finds the rest of a file that was renamed, copied and truncated, or compressed while nobody followed', () =>
    withWorld(async ({ at, until }) => {
      const follow = [at('a.csv')]
      await writeFile(at('a.csv'), words(100))
      await until(lines(words(100)), follow)
      await appendFile(at('a.csv'), words(50, 100))
      await rename(at('a.csv'), at('a.csv.1'))
      await writeFile(at('a.csv'), words(100, 150))
      await until(lines(words(250)), follow)
      await appendFile(at('a.csv'), words(50, 250))
      await copyFile(at('a.csv'), at('a.csv.2'))
      await truncate(at('a.csv'))
      await appendFile(at('a.csv'), words(100, 300))
      await until(lines(words(400)), follow)
      await appendFile(at('a.csv'), words(50, 400))
      await writeFile(at('a.csv.3.gz'), gzipSync(await readFile(at('a.csv'))))
      await rm(at('a.csv'))
      await writeFile(at('a.csv'), words(50, 450))
      await until(lines(words(500)), follow)
    }))

  it('does not take the copies that a rotation makes in the folder for new files', () =>
    withWorld(async ({ at, until, landed }) => {
      await writeFile(at('a.csv'), words(100))
      await until(lines(words(250)), undefined, async () => {
        await landed(100)
        await appendFile(at('a.csv'), words(50, 100))
        await copyFile(at('a.csv'), at('a.csv.1'))
        await new Promise((resolve) => setTimeout(resolve, 1200))
        await truncate(at('a.csv'))
        await appendFile(at('a.csv'), words(50, 150))
        await landed(200)
        await writeFile(at('a.csv.1.gz'), gzipSync(await readFile(at('a.csv.1'))))
        await rm(at('a.csv.1'))
        await appendFile(at('a.csv'), words(50, 200))
      })
    }))

  it('takes a file truncated to more than was read of it, for what it is: another', () =>
    withWorld(async ({ at, until }) => {
      await writeFile(at('a.csv'), words(100))
      await until(lines(words(100)))
      await writeFile(at('a.csv'), words(500, 100))
      await until(lines(words(600)))
    }))

  it('reads compressed files, and one that is still being written', () =>
    withWorld(async ({ at, until, landed }) => {
      const whole = gzipSync(words(20_000))
      await writeFile(at('a.csv.gz'), whole.subarray(0, whole.length / 2))
      await until(lines(words(20_001)), undefined, async () => {
        await landed(1)
        await appendFile(at('a.csv.gz'), whole.subarray(whole.length / 2))
        await writeFile(at('b.csv.gz'), gzipSync(words(1, 20_000).trimEnd()))
      })
    }))

  it('takes two files of the same content for two', () =>
    withWorld(async ({ at, until }) => {
      await writeFile(at('a.csv'), words(100))
      await writeFile(at('b.csv'), words(100))
      await until([...lines(words(100)), ...lines(words(100))])
    }))

  it('puts a line too large for the log into the object store', () =>
    withWorld(async ({ at, ports, until, landed, values }) => {
      const long = `7,${'x'.repeat(1_500_000)}`
      await writeFile(at('a.csv'), `1,a\n${long}\n2,b\n`)
      await until(['1,a', '2,b', 'a pointer'], undefined, () => landed(3)).catch(() => undefined)
      const found = await values()
      expect(found).toHaveLength(3)
      const pointer = found.find((value) => value.startsWith('{')) ?? '{}'
      const { key } = JSON.parse(pointer)
      expect(Buffer.from((await ports.objects.get(key))?.bytes ?? []).toString()).toBe(long)
    }))
})
