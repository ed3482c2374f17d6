import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileLog, type FileLogOptions } from '../../lib/local/file-log.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { type RecordBatch, recordBatch } from '../../lib/stream/record-batch.ts'
import { eventLogContract, type OpenEventLog, valuesFrom } from '../contracts/event-log.ts'

const variants: Record<string, Partial<FileLogOptions>> = {
  'fsync interval': {},
  'fsync always': { fsync: 'always' },
  'fsync never, many segments': { fsync: 'never', segmentBytesMax: 4096 },
}

for (const [name, options] of Object.entries(variants))
  eventLogContract(`FileLog, ${name}`, () => openFileLog(options))

async function openFileLog(options: Partial<FileLogOptions>): Promise<OpenEventLog> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-log-'))
  let log = await FileLog.open({ dir, clock: systemClock, ...options })
  return {
    log,
    reopen: async () => {
      await log.close()
      log = await FileLog.open({ dir, clock: systemClock, ...options })
      return log
    },
    close: async () => {
      await log.close()
      await rm(dir, { recursive: true })
    },
  }
}

describe('FileLog', () => {
  let dir: string
  let log: FileLog
  const open = async (options: Partial<FileLogOptions> = {}): Promise<FileLog> => {
    log = await FileLog.open({ dir, clock: systemClock, ...options })
    return log
  }
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-log-'))
  })
  afterEach(async () => {
    await log.close()
    rmSync(dir, { recursive: true })
  })

  it('may be open once at a time', async () => {
    await open()
    await expect(FileLog.open({ dir, clock: systemClock })).rejects.toMatchObject({
      name: 'PortError',
      code: 'LOCKED',
      message: expect.stringContaining(`this process (${process.pid})`),
    })
    await log.close()
    await open()
  })

  it('never lets append times decrease, whatever the clock does, across openings too', async () => {
    let nowMs = 5000
    const clock = { nowMs: () => nowMs }
    const appendAt = async (ms: number): Promise<number> => {
      nowMs = ms
      return (await log.append('t', 0, texts('x'))).appendTimeMs
    }
    await open({ clock })
    await log.createTopic('t', 1)
    expect(await appendAt(5000)).toBe(5000)
    expect(await appendAt(4000)).toBe(5000)
    expect(await appendAt(6000)).toBe(6000)
    for (const fsync of ['interval', 'never', 'never'] as const) {
      await log.close()
      await open({ clock, fsync, segmentBytesMax: 1 })
      expect(await appendAt(1000)).toBe(6000)
    }
  })

  it('deletes whole segments below an offset, and keeps the rest', async () => {
    await open({ segmentBytesMax: 200 })
    await log.createTopic('t', 1)
    for (let i = 0; i < 20; i++) await log.append('t', 0, texts(`${i}`.padStart(40, '0')))
    const bases = segments(dir)
    expect(bases.length).toBeGreaterThan(5)
    const [, , third = 0, fourth = 0] = bases
    expect(await log.trim('t', 0, fourth - 1)).toBe(third)
    expect(await log.offsets('t', 0)).toEqual({ start: third, end: 20 })
    expect(segments(dir)).toEqual(bases.slice(2))
    await expect(log.read('t', 0, third - 1, 100)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect((await valuesFrom(log, 't', 0, third)).map(Number)).toEqual(range(third, 20))
    expect(await log.trim('t', 0, 0)).toBe(third)
    expect(await log.trim('t', 0, 1_000_000)).toBe(bases.at(-1))
    await log.close()
    await open({ segmentBytesMax: 200 })
    expect(await log.offsets('t', 0)).toEqual({ start: bases.at(-1), end: 20 })
    expect((await log.append('t', 0, texts('next'))).baseOffset).toBe(20)
  })

  it('tells each batch once it can be read, in order', async () => {
    await open()
    await log.createTopic('t', 2)
    const told: [string, number, number][] = []
    const stop = log.onAppend((topic, partition, { baseOffset, records }) => {
      told.push([topic, partition, baseOffset + records.count])
    })
    await Promise.all(range(0, 100).map((i) => log.append('t', 1, texts(`${i}`))))
    expect(told).toEqual(range(1, 101).map((end) => ['t', 1, end]))
    stop()
    await log.append('t', 0, texts('x'))
    expect(told).toHaveLength(100)
  })

  it('finds any offset among many small and large batches, before and after it is opened anew', async () => {
    const options: Partial<FileLogOptions> = { segmentBytesMax: 600_000 }
    await open(options)
    await log.createTopic('t', 1)
    const size = (i: number): number => (i % 97 === 0 ? 150_000 : i % 7 === 0 ? 3000 : 20)
    await Promise.all(range(0, 1000).map((i) => log.append('t', 0, texts(`${i}`.padEnd(size(i), ' ')))))
    const check = async (): Promise<void> => {
      for (const offset of [0, 1, 96, 97, 98, 500, 679, 680, 997, 998, 999, ...range(300, 330)]) {
        const [batch] = await log.read('t', 0, offset, 1)
        const [record] = batch?.records.slice(offset - batch.baseOffset) ?? []
        expect(Number(record?.value.toString())).toBe(offset)
      }
      expect((await valuesFrom(log, 't', 0)).map(Number)).toEqual(range(0, 1000))
    }
    await check()
    await log.close()
    await open(options)
    await check()
    await log.close()
    await open({ ...options, fsync: 'never' }) // forgets what is on disk: everything is checked anew
    await check()
  })

  it('knows a topic that was removed and made again by its id', async () => {
    await open()
    const before = await log.createTopic('t', 1)
    await log.append('t', 0, texts('old'))
    await log.close()
    rmSync(join(dir, 'topics/t'), { recursive: true })
    await open()
    expect(await log.describeTopic('t')).toBeUndefined()
    expect((await log.createTopic('t', 1)).id).not.toBe(before.id)
    expect(await log.offsets('t', 0)).toEqual({ start: 0, end: 0 })
  })

  it('takes no unfinished creation for a topic, and finishes it when asked to make it', async () => {
    mkdirSync(join(dir, 'topics/t/0'), { recursive: true })
    writeFileSync(join(dir, 'topics/t/0/00000000000000000000.log'), '')
    await open()
    expect(await log.describeTopic('t')).toBeUndefined()
    expect(await log.createTopic('t', 2)).toMatchObject({ partitions: 2 })
    expect((await log.append('t', 0, texts('x'))).baseOffset).toBe(0)
  })

  it('does without recovery points that a power cut has damaged', async () => {
    await open()
    await log.createTopic('t', 1)
    await log.append('t', 0, texts('a', 'b'))
    await log.close()
    for (const damage of ['', '{"x', '\0\0\0']) {
      writeFileSync(join(dir, 'recovery-points.json'), damage)
      await open()
      expect(await valuesFrom(log, 't', 0)).toEqual(['a', 'b'])
      await log.close()
    }
  })

  it('finishes the appends under way when it is closed, and refuses later ones', async () => {
    await open()
    await log.createTopic('t', 1)
    const underWay = Promise.allSettled(range(0, 50).map((i) => log.append('t', 0, texts(`${i}`))))
    const closing = log.close()
    await expect(log.append('t', 0, texts('late'))).rejects.toMatchObject({ code: 'CLOSED' })
    expect((await underWay).filter(({ status }) => status === 'fulfilled')).toHaveLength(50)
    await closing
    await open()
    expect((await log.offsets('t', 0)).end).toBe(50)
  })

  it('reads on while older segments are deleted', async () => {
    await open({ segmentBytesMax: 20_000 })
    await log.createTopic('t', 1)
    for (let i = 0; i < 200; i++) await log.append('t', 0, texts(`${i}`.padEnd(1000)))
    const reads = range(0, 200).map((offset) =>
      log.read('t', 0, offset, 1).then(
        ([batch]) => expect(batch?.baseOffset).toBe(offset),
        (error: unknown) => expect(error).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' }),
      ),
    )
    const start = await log.trim('t', 0, 150)
    await Promise.all(reads)
    expect(start).toBeGreaterThan(100)
  })

  it.skipIf(process.platform !== 'linux')(
    'goes on after a write that failed, as if it had not been tried',
    async () => {
      const script = join(import.meta.dirname, 'processes/log-full-disk.ts')
      const limited = `ulimit -f 100; exec "${process.execPath}" "${script}" "${dir}"`
      const { stdout } = await promisify(execFile)('bash', ['-c', limited])
      expect(JSON.parse(stdout)).toEqual({ failed: 60, codes: ['UNAVAILABLE true'], end: 60, after: 61 })
      await open()
      expect((await valuesFrom(log, 't', 0)).map((value) => value.length)).toEqual([
        ...Array(60).fill(1000),
        10,
      ])
    },
  )
})

function texts(...values: string[]): RecordBatch {
  return recordBatch(values.map((value) => ({ value: Buffer.from(value) })))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

function segments(dir: string): number[] {
  return readdirSync(join(dir, 'topics/t/0'))
    .map((name) => Number.parseInt(name, 10))
    .toSorted((a, b) => a - b)
}
