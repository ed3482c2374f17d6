import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StreamStatus } from '../../lib/serve/dashboard-messages.ts'
import { connections } from './connections.ts'
import {
  answer,
  documentOf,
  type Ended,
  eventually,
  expectMessage,
  inFolder,
  WeirProcess,
  weir,
} from './weir.ts'

const COMMANDS = readdir(join(import.meta.dirname, '../../bin/commands'))

/** Runs calls two at a time: a process each, and most of its time is its start. */
async function all<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const serve = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await run(next)
  }
  await Promise.all([serve(), serve()])
}

describe('every command', { timeout: 240_000 }, () => {
  it('tells with --help what it takes', async () => {
    const names = (await COMMANDS).map((file) => file.replace(/\.ts$/, ''))
    expect(names).toContain('replay')
    const below = [
      ...['list', 'show', 'retry'].map((name) => ['dead-letters', name]),
      ...['put', 'use', 'list'].map((name) => ['reference', name]),
      ...['ack', 'close', 'suppress', 'suppressed'].map((name) => ['alerts', name]),
    ]
    await all([[], ...names.map((name) => [name]), ...below], async (args) => {
      const ended = await weir([...args, '--help'])
      expect(ended).toMatchObject({ code: 0, err: '' })
      expect(ended.out).toMatch(new RegExp(`^Usage: ${['weir', ...args].join(' ')}`))
      const group = args.length === 1 && below.some(([name]) => name === args[0])
      if (args.length > 0 && !group) expect(ended.out).toContain('--json')
      if (args.length > 0 && !group) expect(ended.out).toMatch(/^Examples?:\n +\$ /m)
      expect(ended.out.match(/^Examples?:/gm)?.length ?? 0, args.join(' ')).toBeLessThan(2)
      if (args.length === 0)
        for (const name of names) expect(ended.out).toMatch(new RegExp(`^  ${name} `, 'm'))
    })
  })

  const wrong: readonly (readonly [args: string, message: string | RegExp])[] = [
    ['', 'Usage: weir'],
    ['dead-letters', 'Usage: weir dead-letters'],
    ['bogus', "unknown command 'bogus'"],
    ['query', "missing required argument 'view'"],
    ['query network.nope', /there is no view "network\.nope"; there are: .*network\.byService/],
    ['query nope', /there is no view "nope"; there are: .*network\.byService/],
    ['query network.byService --bogus', "unknown option '--bogus'"],
    ['query network.byService --from yesterday', '--from takes a time such as 2026-01-31T12:00:00Z'],
    ['query network.byService --layer cake', 'Allowed choices are merged, speed, batch'],
    ['query network.byService extra', 'too many arguments'],
    ['replay network', "missing required argument 'source'"],
    ['replay nope FILE', /there is no stream "nope"; there are: .*network/],
    ['replay network FILE --format xml', 'reads csv and json, not xml'],
    ['replay network FILE --rate 0', 'expected a number above 0'],
    ['collect nope FILE', /there is no stream .*nope.*; there are: .*network/],
    ['collect network FILE --to moon', 'Allowed choices are local, kafka, https'],
    ['verify nope', 'there is no stream "nope"'],
    ['alerts nope', 'there is no stream "nope"'],
    ['alerts network --limit many', '--limit takes a whole number from 1 up'],
    ['alerts network --all', '--all belongs to --incidents'],
    ['alerts ack network', "missing required argument 'incident'"],
    ['alerts suppress network GROUP --for ever', '--for takes a length such as 90s, 10m, 8h or 7d'],
    ['collect nids FILE --start-file snort.u2.1', '--start-file belongs to --follow'],
    ['collect nids FILE --follow --start-offset 9', '--start-offset belongs to --start-file'],
    ['collect nids FILE --on-rollover gzip', '--on-rollover belongs to --follow'],
    ['train nope', 'there is no stream "nope"'],
    ['models nope', 'there is no stream "nope"'],
    ['evaluate network FILE', "required option '--label"],
    ['evaluate network FILE --label nope --normal x', 'has no field nope'],
    ['dead-letters list nope', 'there is no stream "nope"'],
    ['dead-letters list --limit -1', '--limit takes a whole number from 1 up'],
    ['dead-letters show 17', 'not a record id: "17" (expected site/topic/partition/offset)'],
    ['subscribe nope', 'expected a channel such as incidents/network'],
    ['subscribe incidents/network --url nowhere', '--url takes an address such as ws://localhost:4400/ws'],
    ['dev --port abc', '--port takes a number from 0 to 65535, got "abc"'],
    ['invoke nope --event FILE', /there is no function "nope"; there are: .*score/],
    ['invoke score', "required option '--event <file>' not specified"],
    ['invoke score --event nowhere.json', 'there is no file nowhere.json'],
  ]

  it('answers wrong usage with exit code 2 and a message that helps, and leaves no trace', () =>
    inFolder(async (dir) => {
      const file = join(dir, 'in.csv')
      await mkdir(join(dir, 'empty'))
      await writeFile(file, connections(10))
      await all(wrong, async ([line, message]) => {
        const args = line.split(' ').filter((word) => word !== '')
        const ended = await weir(
          args.map((word) => (word === 'FILE' ? file : word)),
          { cwd: join(dir, 'empty') },
        )
        expect({ line, code: ended.code, out: ended.out }).toEqual({ line, code: 2, out: '' })
        expectMessage(ended, message)
      })
      expect(await readdir(join(dir, 'empty'))).toEqual([])
    }))

  it('says so where there is no data, and makes no folder for a name that was mistyped', () =>
    inFolder(async (dir) => {
      const lines = [
        'status',
        'query network.byService',
        'query network.byService --as-of 1h',
        'top network.byService',
        'verify',
        'alerts',
        'models',
        'dead-letters list',
        'recompute network',
      ]
      await all([...lines, 'sql SELECT'], async (line) => {
        const args = line.split(' ').map((word) => (word === 'SELECT' ? 'select 1' : word))
        const ended = await weir([...args, '--data', join(dir, 'mistyped'), '--json'])
        expect({ line, code: ended.code, out: ended.out }).toEqual({ line, code: 1, out: '' })
        expectMessage(ended, /there is no data in .*mistyped: give the folder with --data/)
      })
      expect(await readdir(dir)).toEqual([])
    }))

  it('prints exactly one JSON document with --json', () =>
    inFolder(async (dir) => {
      const file = join(dir, 'in.csv')
      await writeFile(file, connections(500))
      const data = ['--data', join(dir, 'data')]
      expect(await answer(['collect', 'network', file, ...data])).toMatchObject({
        recordsIn: 500,
        finished: true,
      })
      expect(await answer(['replay', 'network', file, ...data])).toMatchObject({
        recordsIn: 500,
        counted: 500,
      })
      expect(await answer(['status', ...data])).toMatchObject({
        streams: expect.arrayContaining([
          expect.objectContaining({
            name: 'network',
            ledger: expect.objectContaining({ in: 1000, counted: 1000 }),
          }),
        ]),
      })
      expect(await answer(['train', 'network', ...data])).toMatchObject({ published: true, rows: 1000 })
      expect(await answer(['models', ...data])).toMatchObject({
        models: [{ stream: 'network', active: true }],
      })
      const event = join(import.meta.dirname, '../../events/score.json')
      expect(await answer(['invoke', 'score', '--event', event])).toMatchObject({ function: 'score' })
    }))

  it('prints JSON on stdout too where it fails with an answer, and nothing where it has none', () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'in.csv'), join(dir, 'data')]
      await writeFile(file, connections(20))
      await weir(['collect', 'network', file, '--data', data])
      const inFlight: Ended = await weir(['verify', '--data', data, '--json'])
      expect(inFlight.code).toBe(1)
      expect(documentOf(inFlight)).toMatchObject({
        ok: false,
        streams: expect.arrayContaining([
          expect.objectContaining({ stream: 'network', exact: true, complete: false }),
        ]),
      })
      expectMessage(inFlight, '20 records are on their way to the master')
      const nowhere = await weir([
        'dead-letters',
        'show',
        'local/network.raw.g1/0/0',
        '--data',
        data,
        '--json',
      ])
      expect(nowhere).toMatchObject({ code: 1, out: '' })
      expectMessage(nowhere, 'is not in the master of network')
    }))

  it('reads beside others that read, and says who has the log where it cannot be shared', () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'in.csv'), join(dir, 'data')]
      await writeFile(file, connections(3000))
      await answer(['replay', 'network', file, '--data', data])
      const calls = ['status', 'verify', 'status', 'dead-letters list', 'status', 'verify']
      await Promise.all(calls.map((line) => answer([...line.split(' '), '--data', data])))
      const collector = new WeirProcess(['collect', 'network', file, '--data', data, '--rate', '100'])
      await eventually('status to show what the collector appends', async () => {
        const { streams } = await answer<{ streams: StreamStatus[] }>(['status', '--data', data])
        return (streams.find(({ name }) => name === 'network')?.ledger.in ?? 0) > 3000 ? true : undefined
      })
      const inUse = await weir(['replay', 'network', file, '--data', data])
      expect(inUse).toMatchObject({ code: 1, out: '' })
      expectMessage(inUse, `${data}/log is in use by process ${collector.pid} `)
      expect(await weir(['query', 'network.records', '--data', data])).toMatchObject({ code: 0 })
      collector.child.kill('SIGTERM')
      expect(await collector.ended).toMatchObject({ code: 0 })
    }))
})
