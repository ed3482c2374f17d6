import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { describe, expect, it, vi } from 'vitest'
import { collectorId } from '../../bin/collector-id.ts'
import { register } from '../../bin/commands/collect.ts'
import { sampleNetwork } from '../../lib/collect/demo-network.ts'
import { automaticRunId } from '../../lib/collect/run-record.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'

/** What the command prints on stdout and stderr. Rejects as it does. */
async function collect(...args: string[]): Promise<{ out: string; errors: string }> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    const program = new Command('weir').exitOverride()
    register(program)
    for (const command of program.commands) command.exitOverride()
    await program.parseAsync(['collect', ...args], { from: 'user' })
    return { out: out.mock.calls.join(''), errors: errors.mock.calls.join('') }
  } finally {
    out.mockRestore()
    errors.mockRestore()
  }
}

const connections = (rows: number) =>
  [...sampleNetwork({ seed: 1, rows })].map(({ line }) => `${line}\n`).join('')

describe('who collects', () => {
  it('is known by the data folder, also to several who ask at once', () =>
    inFolder(async (dir) => {
      const asked = await Promise.all(Array.from({ length: 8 }, () => collectorId(join(dir, 'a'))))
      expect(new Set([...asked, await collectorId(join(dir, 'a'))]).size).toBe(1)
      expect(asked[0]).toMatch(/^[0-9a-f]{16}$/)
      expect(await collectorId(join(dir, 'b'))).not.toBe(asked[0])
      expect(readdirSync(join(dir, 'a'))).toEqual(['collector-id'])
    }))

  it('tells the runs of the same path on two machines apart', () => {
    const plan = { stream: 'network', sources: ['/var/log/x'], loop: false, live: true }
    const ids = [undefined, 'a', 'b'].map((collector) =>
      automaticRunId({ ...plan, ...(collector && { collector }) }, 1),
    )
    expect(new Set(ids).size).toBe(3)
  })
})

describe('weir collect', () => {
  it('feeds a file into the data folder and prints one JSON document', () =>
    inFolder(async (dir) => {
      const path = join(dir, 'in.csv')
      const data = join(dir, 'data')
      await writeFile(path, connections(2500))
      const { out } = await collect('network', path, '--data', data, '--json')
      expect(JSON.parse(out)).toMatchObject({
        stream: 'network',
        sources: [path],
        recordsIn: 2500,
        recordsInSession: 2500,
        finished: true,
        resumed: false,
        topic: 'network.raw.g1',
      })
      const ports = await openTestPorts(data)
      const landed = await everything(ports.log, 'network.raw.g1')
      await ports.close()
      expect(
        landed
          .flat()
          .map(({ value }) => value)
          .sort(),
      ).toEqual(readFileSync(path, 'utf8').trim().split('\n').sort())
    }))

  it('stamps and shuffles, the same for the same seed', () =>
    inFolder(async (dir) => {
      const path = join(dir, 'in.csv')
      await writeFile(path, connections(300))
      const uuids: string[][] = []
      for (const data of ['a', 'b'].map((name) => join(dir, name))) {
        await collect('network', path, '--data', data, '--stamp', '--shuffle', '--seed', '5')
        const ports = await openTestPorts(data)
        const records = (await everything(ports.log, 'network.raw.g1'))
          .flat()
          .map(({ value }) => JSON.parse(value))
        await ports.close()
        expect(records.map(({ sequence_id }) => sequence_id)).toEqual(records.map((_, i) => i))
        expect(records.map(({ index }) => index)).not.toEqual(records.map((_, i) => i))
        uuids.push(records.map(({ uuid, index }) => `${uuid} ${index}`))
      }
      expect(uuids[0]).toEqual(uuids[1])
    }))

  it('says what an empty file is, in words on stderr', () =>
    inFolder(async (dir) => {
      const path = join(dir, 'in.csv')
      await writeFile(path, '')
      const { out, errors } = await collect('network', path, '--data', join(dir, 'data'), '--run-id', 'empty')
      expect(errors).toBe(`${path} is empty: no records in it\n`)
      expect(out).toMatch(/^0 records in [0-9.]+ s \(run empty\)\n$/)
    }))

  it.each([
    [
      'a file that is not there',
      ['network', '/nowhere.csv'],
      'CommandError',
      '/nowhere.csv: there is no such file',
    ],
    [
      'a stream that is not there',
      ['nothing', 'x'],
      'UsageError',
      'there is no stream "nothing"; there are: ',
    ],
    [
      'another target',
      ['network', 'x', '--to', 'kinesis'],
      'CommanderError',
      'Allowed choices are local, kafka, https',
    ],
    ['Kafka without brokers', ['network', 'x', '--to', 'kafka'], 'UsageError', 'name the brokers'],
    ['an ingest API without address', ['network', 'x', '--to', 'https'], 'UsageError', 'with --url'],
    ['files beside a listener', ['network', 'x', 'syslog+udp://127.0.0.1:0'], 'CommandError', 'add --follow'],
    ['an unknown scheme', ['network', 'ftp://x/y'], 'CommandError', 'ftp://x/y: not a source'],
    [
      'a listener that loops',
      ['network', 'syslog+udp://127.0.0.1:1', '--loop'],
      'UsageError',
      '--loop is for',
    ],
    ['standard input in a loop', ['network', '-', '--loop'], 'UsageError', 'cannot be read in a loop'],
    ['a bad rate', ['network', 'x', '--rate', '-1'], 'CommanderError', 'expected a number above 0'],
    ['a bad run id', ['network', '/dev/null', '--run-id', 'a/b'], 'CommandError', 'bad run id'],
  ])('refuses %s', (_what, args, name, message) =>
    inFolder(async (dir) => {
      const refused = collect(...args, '--data', dir)
      await expect(refused).rejects.toMatchObject({ name, message: expect.stringContaining(message) })
    }),
  )
})
