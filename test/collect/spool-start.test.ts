import { appendFile, mkdir, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { type FollowOptions, followInput } from '../../lib/collect/follow/follow-input.ts'
import { startRun } from '../../lib/collect/run.ts'
import { u2Event, u2Packet } from '../formats/unified2.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { wordStream } from './streams.ts'
import { until } from './until.ts'

const event = (id: number) => Buffer.concat([u2Event({ type: 104, id }), u2Packet(id, `packet of ${id}`)])
const SIZE = event(1).length

/** With a folder of spools, and a site to collect them into. */
async function inSpools(
  test: (setting: Awaited<ReturnType<typeof openSpools>>) => Promise<void>,
): Promise<void> {
  await inFolder(async (dir) => {
    const made = await openSpools(dir)
    try {
      await test(made)
    } finally {
      await made.ports.close()
    }
  })
}

async function openSpools(dir: string) {
  const ports = await openTestPorts(join(dir, 'data'))
  const folder = join(dir, 'spool')
  await mkdir(folder)
  const paths = [join(folder, 'snort.u2.*')]
  const notices: string[] = []
  const ids = async () => {
    const values = (await everything(ports.log, 'words.raw.g1')).flat().map(({ value }) => value)
    return values.map((value) => Number(/packet of (\d+)/.exec(value)?.[1])).sort((a, b) => a - b)
  }
  /** Until `done` holds, under the same run each time. */
  const follow = async (options: Partial<FollowOptions>, done: () => Promise<boolean>) => {
    const stop = new AbortController()
    const running = startRun({
      ports,
      stream: wordStream({ keyed: false }),
      sources: paths,
      live: [followInput({ clock: ports.clock, paths, lingerMs: 60_000, ...options })],
      options: { checkpointMs: 20 },
      signal: stop.signal,
      onNotice: (message) => message.includes('rollover') && notices.push(message),
    })
    const failed = running.then(
      () => new Promise<never>(() => undefined),
      (error: unknown) => Promise.reject(error),
    )
    try {
      await Promise.race([until('the records', async () => stop.signal.aborted || (await done())), failed])
    } finally {
      stop.abort()
    }
    await running
  }
  const have =
    (...expected: readonly number[]) =>
    async () => {
      const got = await ids()
      if (got.length < expected.length) return false
      expect(got).toEqual(expected)
      return true
    }
  return { ports, spool: (nth: number) => join(folder, `snort.u2.170000${nth}`), notices, ids, follow, have }
}

it.concurrent('begins in the file and at the byte that it is told, plain or gzip, and only at its first start', () =>
  inSpools(async ({ spool, follow, have }) => {
    await writeFile(spool(1), gzipSync(Buffer.concat([event(1), event(2)])))
    await writeFile(spool(2), event(3))
    await writeFile(spool(3), Buffer.concat([event(4), event(5), event(6)]))
    await writeFile(spool(4), event(7))
    const startAt = { file: basename(spool(3)), offset: 2 * SIZE }
    await follow({ startAt }, have(6, 7))
    await appendFile(spool(2), event(8))
    await writeFile(spool(5), event(9))
    await follow({ startAt: { file: 'gone by now', offset: 0 } }, have(6, 7, 8, 9))
  }))

it.concurrent('refuses a start file that is not there, and an offset behind its end, before anything is read', () =>
  inSpools(async ({ spool, follow, ids }) => {
    await writeFile(spool(1), event(1))
    const never = async () => false
    await expect(follow({ startAt: { file: 'snort.u2.9', offset: 0 } }, never)).rejects.toThrow(
      'snort.u2.9: no file to start with has that name; there are 1 files',
    )
    await expect(follow({ startAt: { file: spool(1), offset: SIZE + 1 } }, never)).rejects.toThrow(
      `has ${SIZE} bytes: there is no offset ${SIZE + 1} to start at`,
    )
    expect(await ids()).toEqual([])
  }))

it.concurrent('calls the rollover hook once for each finished spool, when all of it has landed, and goes on while it runs', () =>
  inSpools(async ({ spool, follow, ids, notices }) => {
    const called: string[] = []
    const landedThen: (readonly number[])[] = []
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const onRollover = async (path: string) => {
      called.push(path)
      landedThen.push(await ids())
      if (called.length > 1) throw new Error('it ended with exit code 3')
      await unlink(path)
      await held
    }
    let wroteThird = false
    await writeFile(spool(1), Buffer.concat([event(1), event(2)]))
    await writeFile(spool(2), event(3))
    await follow({ onRollover, lingerMs: 500 }, async () => {
      const landed = await ids()
      if (called.length === 1 && landed.length === 3 && !wroteThird) {
        wroteThird = true
        await writeFile(spool(3), event(4))
      }
      if (landed.includes(4)) release()
      return called.length === 2 && notices.length > 0
    })
    expect(called).toEqual([spool(1), spool(2)])
    expect(landedThen[0]).toEqual(expect.arrayContaining([1, 2]))
    expect(landedThen[1]).toEqual(expect.arrayContaining([1, 2, 3]))
    expect(notices).toEqual([
      `${spool(2)}: the rollover command failed and is not run again: it ended with exit code 3`,
    ])
    await writeFile(spool(4), event(5))
    await follow({ onRollover }, async () => called.length === 3)
    expect(called).toEqual([spool(1), spool(2), spool(3)])
    expect(await ids()).toEqual([1, 2, 3, 4, 5])
  }))

it.concurrent('says so where a process ended while the hook ran, and does not call it again', () =>
  inSpools(async ({ spool, follow, ids, notices }) => {
    await writeFile(spool(1), event(1))
    await writeFile(spool(2), event(2))
    let calls = 0
    const never = () => {
      calls++
      return new Promise<void>(() => undefined)
    }
    await follow({ onRollover: never }, async () => calls === 1)
    await follow({ onRollover: never }, async () => notices.length > 0)
    expect(notices).toEqual([
      `${spool(1)}: an earlier process ended while its rollover command ran; it is not run again`,
    ])
    expect(calls).toBe(1)
    expect(await ids()).toEqual([1, 2])
  }))
