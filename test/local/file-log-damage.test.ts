import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileLog, type FileLogOptions } from '../../lib/local/file-log.ts'
import { FRAME_HEADER_BYTES } from '../../lib/local/frame.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { valuesFrom } from '../contracts/event-log.ts'

const batches = [['one'], ['two', 'three'], ['four', 'five', 'six']].map((values) =>
  recordBatch(values.map((value) => ({ value: Buffer.from(value) }))),
)
/** Where the frames begin, and where the last one ends. */
const [first, second, third, end] = [0, frame(0), frame(0) + frame(1), frame(0) + frame(1) + frame(2)]

describe('FileLog on damaged files', () => {
  let dir: string
  let path: string
  let intact: Buffer
  const open = (options: Partial<FileLogOptions> = {}) =>
    FileLog.open({ dir, clock: systemClock, fsync: 'never', ...options })
  const prepare = async (options: Partial<FileLogOptions> = {}): Promise<void> => {
    const log = await open(options)
    await log.createTopic('t', 1)
    for (const batch of batches) await log.append('t', 0, batch)
    await log.close()
    path = join(dir, 'topics/t/0/00000000000000000000.log')
    intact = readFileSync(path)
    expect(intact.length).toBe(end)
  }
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-log-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const opensWith = async (bytes: Buffer, values: readonly string[]): Promise<void> => {
    writeFileSync(path, bytes)
    const log = await open()
    expect(await valuesFrom(log, 't', 0)).toEqual(values)
    expect((await log.append('t', 0, batches[0] ?? recordBatch([]))).baseOffset).toBe(values.length)
    expect(await valuesFrom(log, 't', 0)).toEqual([...values, 'one'])
    await log.close()
    expect(
      readFileSync(path)
        .subarray(0, -frame(0))
        .equals(bytes.subarray(0, wholeBytes(values.length))),
    ).toBe(true)
  }

  it('cuts off a last frame torn at any byte, and goes on behind what is whole', async () => {
    await prepare()
    for (let length = third; length < end; length++)
      await opensWith(intact.subarray(0, length), VALUES.slice(0, 3))
    for (let length = 0; length < first + 9; length++) await opensWith(intact.subarray(0, length), [])
  })

  it('cuts off a last frame whose bytes did not all arrive', async () => {
    await prepare()
    for (let at = third; at < end; at++) await opensWith(flipped(intact, at), VALUES.slice(0, 3))
    await opensWith(Buffer.concat([intact.subarray(0, third + 5), Buffer.alloc(5000)]), VALUES.slice(0, 3))
    await opensWith(Buffer.concat([intact, Buffer.alloc(70_000)]), VALUES)
    await opensWith(Buffer.concat([intact, Buffer.from('WEIR'.repeat(1000))]), VALUES)
  })

  it('refuses to open where a flipped byte lies before good records, and says where', async () => {
    await prepare()
    for (let at = 0; at < third; at++) {
      writeFileSync(path, flipped(intact, at))
      const frame = at < second ? first : second
      await expect(open(), `byte ${at}`).rejects.toMatchObject({
        name: 'PortError',
        code: 'CORRUPT',
        curable: false,
        message: expect.stringContaining(`${path} is damaged at byte ${frame}:`),
      })
      expect(readFileSync(path).equals(flipped(intact, at))).toBe(true)
    }
    await opensWith(intact, VALUES)
  })

  it('refuses a frame of another partition, or one record batch missing', async () => {
    await prepare()
    writeFileSync(path, Buffer.concat([intact.subarray(first, second), intact.subarray(third)]))
    await expect(open()).rejects.toMatchObject({ code: 'CORRUPT' })
    writeFileSync(path, intact)
    const log = await open()
    await log.addPartitions('t', 2)
    await log.close()
    writeFileSync(join(dir, 'topics/t/1/00000000000000000000.log'), intact)
    const moved = await open()
    expect(await moved.offsets('t', 1)).toEqual({ start: 0, end: 0 })
    await moved.close()
  })

  it('does not take a frame within a torn record for one of its own', async () => {
    await prepare()
    const log = await open()
    const own = recordBatch([{ value: Buffer.concat([intact.subarray(third), Buffer.alloc(100)]) }])
    await log.append('t', 0, own)
    await log.close()
    const withOwn = readFileSync(path)
    await opensWith(withOwn.subarray(0, -20), VALUES)
  })

  describe('that were known to be on disk', () => {
    it('refuses to open with less than that, at any length', async () => {
      await prepare({ fsync: 'interval' })
      for (let length = 0; length < end; length++) {
        writeFileSync(path, intact.subarray(0, length))
        await expect(open({ fsync: 'interval' }), `${length} bytes`).rejects.toMatchObject({
          code: 'CORRUPT',
          message: expect.stringContaining('are not any more'),
        })
        expect(readFileSync(path).length).toBe(length)
      }
      rmSync(path)
      await expect(open({ fsync: 'interval' })).rejects.toMatchObject({ code: 'CORRUPT' })
    })

    it('finds any flipped byte when the records are read', async () => {
      await prepare({ fsync: 'interval' })
      for (let at = 0; at < end; at++) {
        writeFileSync(path, flipped(intact, at))
        const log = await open({ fsync: 'interval' })
        await expect(valuesFrom(log, 't', 0), `byte ${at}`).rejects.toMatchObject({ code: 'CORRUPT' })
        await log.close()
      }
    })

    it('opens after a killed process that wrote more', async () => {
      await prepare({ fsync: 'interval' })
      const log = await open()
      await log.append('t', 0, batches[1] ?? recordBatch([]))
      await log.close()
      const longer = readFileSync(path)
      for (const cut of [1, 10, 30]) await opensWith(longer.subarray(0, -cut), VALUES)
    })
  })

  it('finds damage in an older segment, and serves the others', async () => {
    const options = { segmentBytesMax: 60 }
    const log = await open(options)
    await log.createTopic('t', 1)
    for (const batch of batches) await log.append('t', 0, batch)
    await log.close()
    const segments = readdirSync(join(dir, 'topics/t/0')).map((name) => join(dir, 'topics/t/0', name))
    expect(segments).toHaveLength(3)
    const middle = segments[1] ?? ''
    const bytes = readFileSync(middle)
    for (let at = 0; at < bytes.length; at++) {
      writeFileSync(middle, flipped(bytes, at))
      const damaged = await open(options)
      expect(await valuesFrom(damaged, 't', 0, 3)).toEqual(VALUES.slice(3))
      await expect(valuesFrom(damaged, 't', 0), `byte ${at}`).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringContaining(middle),
      })
      await damaged.close()
    }
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(middle, bytes.subarray(0, length))
      const damaged = await open(options)
      await expect(valuesFrom(damaged, 't', 0), `${length} bytes`).rejects.toMatchObject({ code: 'CORRUPT' })
      await damaged.close()
    }
  })
})

const VALUES = ['one', 'two', 'three', 'four', 'five', 'six']

/** Up to the end of the frame with the last of so many values. */
function wholeBytes(values: number): number {
  return { 0: first, 1: second, 3: third, 6: end }[values] ?? Number.NaN
}

function frame(i: number): number {
  return FRAME_HEADER_BYTES + (batches[i]?.bytes.length ?? 0)
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 0x40
  return copy
}
