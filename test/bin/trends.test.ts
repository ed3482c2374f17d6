import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { register as registerSubscribe } from '../../bin/commands/subscribe.ts'
import { register } from '../../bin/commands/trends.ts'
import { dataFolder } from '../../lib/local/data-folder.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { slideFrames, slidePuts } from '../../lib/serve/trends/slides.ts'

const AT_MS = Date.parse('2017-08-27T01:15:00Z')
const SLIDES = [-20_000, -10_000, 0].map((ms, i) => ({
  from: AT_MS + ms - 600_000,
  to: AT_MS + ms,
  top: [
    { key: 'mayweather', count: 1_200 + i },
    { key: 'mcgregor', count: 30 },
  ],
  bursts: i === 2 ? [{ key: 'tmt', uses: 10, expected: 1.46, log10P: -5 }] : [],
  uses: 1_700,
  late: i,
  provisional: i === 1,
}))

let dir: string
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'weir-trends-command-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(dir, { recursive: true })
})

/** What the command printed on stdout. */
async function printed(command: (program: Command) => void, ...args: readonly string[]): Promise<string> {
  const program = new Command('weir').exitOverride().configureOutput({ writeErr: () => undefined })
  command(program)
  let out = ''
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  try {
    await program.parseAsync(['node', 'weir', ...args])
  } finally {
    write.mockRestore()
  }
  return out
}

const trends = (...args: readonly string[]) => printed(register, 'trends', ...args, '--data', dir)

async function store(): Promise<void> {
  const keyed = await SqliteStore.open(dataFolder(dir).statePath, { clock: systemClock })
  await keyed.transact(slidePuts('posts', SLIDES, Math.ceil(Date.now() / 1000) + 600))
  await keyed.close()
}

test('weir trends shows the latest slide, those before it, and that of a time', async () => {
  await store()
  expect(await trends('posts')).toBe(
    [
      '   key          uses',
      '1  mayweather  1,202',
      '2  mcgregor       30',
      'Burst of tmt: 10 uses in a minute, 1.5 expected',
      '1,700 uses from 2017-08-27T01:05:00.000Z to 2017-08-27T01:15:00.000Z, 2 came too late for the slot that left',
      '',
    ].join('\n'),
  )
  const json = async (...args: readonly string[]) => JSON.parse(await trends('posts', '--json', ...args))
  expect(await json()).toEqual({ stream: 'posts', slides: SLIDES.slice(2) })
  expect(await json('--slides', '2')).toEqual({ stream: 'posts', slides: SLIDES.slice(1) })
  expect(await json('--at', '2017-08-27T01:14:59Z')).toEqual({ stream: 'posts', slides: SLIDES.slice(1, 2) })
  expect(await json('--at', '2017-08-27T01:14:50Z')).toEqual({ stream: 'posts', slides: SLIDES.slice(1, 2) })
  expect(await trends('posts', '--at', '2016-01-01')).toMatch(/^No slide ended by then/)
})

test('weir trends says what to do where there is none, and which streams have any', async () => {
  await (await SqliteStore.open(dataFolder(dir).statePath, { clock: systemClock })).close()
  expect(await trends('posts')).toMatch(/^No slide has closed yet: weir dev closes them/)
  await expect(trends('network')).rejects.toThrow('"network" is no stream with trends; there are: posts')
  await expect(trends('posts', '--slides', '0')).rejects.toThrow()
})

test('weir subscribe trends/posts asks from where it is told, prints slides, and ends after so many', async () => {
  const asked: unknown[] = []
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      asked.push(JSON.parse(String(data)))
      for (const frame of slideFrames('posts', '5', SLIDES, 600)) socket.send(frame)
    })
  })
  try {
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    const subscribe = (...args: readonly string[]) =>
      printed(registerSubscribe, 'subscribe', ...args, '--url', url, '--limit', '3')
    const out = await subscribe('trends/posts', '--since', '5')
    expect(asked).toEqual([{ action: 'subscribe', channel: 'trends/posts', since: '5' }])
    expect(out.match(/mayweather +1,20\d/g)).toHaveLength(3)
    expect(out).toContain('2017-08-27T01:14:50.000Z, provisional')
    const lines = (await subscribe('trends/posts', '--since', '5', '--json')).trim().split('\n')
    expect(lines.flatMap((line) => (JSON.parse(line) as { slides: unknown[] }).slides)).toEqual(SLIDES)
    for (const wrong of [
      ['--severity', 'high'],
      ['--since', '1.5'],
      ['--group', 'g'],
    ])
      await expect(subscribe('trends/posts', ...wrong)).rejects.toThrow(/^--/)
    await expect(subscribe('trend/posts')).rejects.toThrow(
      /incidents\/network, alerts\/network or trends\/posts/,
    )
  } finally {
    server.close()
  }
})
