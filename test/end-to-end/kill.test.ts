import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hostSocketPath } from '../../lib/local/host.ts'
import { HostClient } from '../../lib/local/host-client.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { connections, countsOf, expectViews } from './connections.ts'
import { workersOf } from './processes.ts'
import { delay, documentOf, eventually, inFolder, WeirProcess, weir } from './weir.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const ROWS = 24_000
const TEXT = connections(ROWS)
/** Slow enough that three lives of 1.5 s at most do not come to the end of the file. */
const RATE = 6000

const EXACT = { recordsIn: ROWS, recordsScored: ROWS, deadLettered: 0, archived: ROWS, counted: ROWS }

interface Scene {
  readonly data: string
  readonly args: readonly string[]
}

function scene(run: (scene: Scene) => Promise<void>): Promise<void> {
  return inFolder(async (dir) => {
    const [file, data] = [join(dir, 'connections.csv'), join(dir, 'data')]
    await writeFile(file, TEXT)
    await run({ data, args: ['replay', 'network', file, '--data', data, '--json'] })
  })
}

/** Resolves once the raw log holds so many records. */
async function appended(data: string, records: number): Promise<void> {
  const host = await eventually('the host', () =>
    HostClient.connect(hostSocketPath(data)).catch(() => undefined),
  )
  const ends = async () => {
    const { partitions } = (await host.describeTopic('network.raw.g1')) ?? { partitions: 0 }
    const all = Array.from({ length: partitions }, (_, p) => host.offsets('network.raw.g1', p))
    return (await Promise.all(all)).reduce((sum, { end }) => sum + end, 0)
  }
  try {
    await eventually(
      `${records} records`,
      async () => ((await ends()) >= records ? true : undefined),
      240_000,
      5,
    )
  } finally {
    await host.close()
  }
}

async function expectNoWorkers(data: string): Promise<void> {
  await eventually('the workers to end', () => (workersOf(data).length === 0 ? true : undefined))
}

describe.concurrent(`a replay, killed by SIGKILL (SEED=${SEED})`, { timeout: 240_000 }, () => {
  it('three times at random and once with all in the log, ends with the same numbers', async ({ expect }) => {
    const random = seededRandom(SEED)
    // With all in the log little is left to do, and it may be done before the kill: then once more from the start.
    let inTime = false
    for (let tries = 0; !inTime && tries < 10; tries++)
      await scene(async ({ data, args }) => {
        const slow = [...args, '--rate', String(RATE)]
        for (let life = 0; life < 3; life++) {
          const replay = new WeirProcess(slow)
          await delay(400 + random() * 1100)
          await replay.kill()
          expect(replay.out).toBe('')
          // The next life begins beside what the last one has left behind.
        }
        const draining = new WeirProcess(args)
        // Whose process ends answers no more.
        const asked = await appended(data, ROWS).then(
          () => true,
          () => false,
        )
        await draining.kill()
        await expectNoWorkers(data)
        inTime = asked && draining.out === ''
        if (!inTime) return
        const last = await weir(args)
        expect(last).toMatchObject({ code: 0 })
        expect(documentOf(last)).toMatchObject({ ...EXACT, resumed: true })
        await expectViews(data, countsOf(TEXT))
        await expectNoWorkers(data)
      })
    expect(inTime).toBe(true)
  })

  it('one worker after another, ends with the same numbers and no help', ({ expect }) =>
    scene(async ({ data, args }) => {
      const random = seededRandom(SEED + 1)
      const replay = new WeirProcess([...args, '--rate', String(RATE / 2)])
      const killed: string[] = []
      while (replay.child.exitCode === null && killed.length < 12) {
        await delay(100 + random() * 300)
        // In turn, so that each function is killed; one that is not up is waited for.
        const wanted = ['score', 'count', 'archive', 'notify'][killed.length % 4]
        const found = workersOf(data).filter(({ functionName }) => functionName === wanted)
        const victim = found[Math.floor(random() * found.length)]
        if (victim === undefined) continue
        process.kill(victim.pid, 'SIGKILL')
        killed.push(victim.functionName)
      }
      const ended = await replay.ended
      expect(new Set(killed)).toEqual(new Set(['score', 'count', 'archive', 'notify']))
      expect(ended).toMatchObject({ code: 0 })
      expect(documentOf(ended)).toMatchObject({ ...EXACT, resumed: false })
      expect(ended.err).not.toMatch(/^\s+at /m)
      await expectViews(data, countsOf(TEXT))
      await expectNoWorkers(data)
    }))
})

describe(`a replay, stopped by Ctrl-C (SEED=${SEED})`, { timeout: 240_000 }, () => {
  it('says so at once, and goes on when it is given again', () =>
    scene(async ({ data, args }) => {
      const replay = new WeirProcess([...args, '--rate', String(RATE)], { group: true })
      await appended(data, 1)
      // As a terminal does it: to every process of the group.
      process.kill(-replay.pid, 'SIGINT')
      expect(await replay.ended).toEqual({
        code: 1,
        signal: null,
        out: '',
        err: 'weir: stopped; the same command goes on from here\n',
      })
      expect(workersOf(data)).toEqual([])
      const again = await weir(args)
      expect(documentOf(again)).toMatchObject({ ...EXACT, resumed: true })
      await expectViews(data, countsOf(TEXT))
    }))
})

describe('standard input', { timeout: 240_000 }, () => {
  it('is read from its first record after a kill, because it is another one', () =>
    inFolder(async (data) => {
      const lines = TEXT.split('\n')
      const args = ['replay', 'network', '-', '--data', data, '--json']
      const replay = new WeirProcess(args, { input: 'open' })
      replay.child.stdin?.write(`${lines.slice(0, 300).join('\n')}\n`)
      await appended(data, 300)
      await replay.kill()
      const ended = await weir(args, { input: lines.slice(300, 800).join('\n') })
      expect(documentOf(ended)).toMatchObject({ recordsIn: 500, archived: 500, counted: 500, resumed: false })
      await expectViews(data, countsOf(lines.slice(0, 800).join('\n')))
    }))
})
