import { appendFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileLog } from '../../lib/local/file-log.ts'
import { FileLogReader } from '../../lib/local/file-log-reader.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'

const TOPIC = 'network.raw.g1'

describe('looking at a file log without its lock', () => {
  let dir: string
  let logDir: string
  let reader: FileLogReader
  let log: FileLog | undefined

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-reader-'))
    logDir = join(dir, 'log')
    reader = new FileLogReader(logDir)
  })

  afterEach(async () => {
    await log?.close()
    log = undefined
    await rm(dir, { recursive: true })
  })

  async function open(): Promise<FileLog> {
    log = await FileLog.open({ dir: logDir, clock: systemClock, segmentBytesMax: 4096, fsyncIntervalMs: 20 })
    await log.createTopic(TOPIC, 2)
    return log
  }

  const append = (to: EventLog, text: string) =>
    to.append(TOPIC, 1, recordBatch([{ value: Buffer.from(text) }, { value: Buffer.alloc(300, 97) }]))

  async function valuesOf(from: Pick<EventLog, 'read' | 'offsets'>): Promise<readonly string[]> {
    const { start, end } = await from.offsets(TOPIC, 1)
    const values: string[] = []
    for (let at = start; at < end; ) {
      for (const { baseOffset, records } of await from.read(TOPIC, 1, at, 1000)) {
        for (const { value } of records) values.push(`${at++} ${Buffer.from(value).toString()}`)
        expect(at).toBe(baseOffset + records.count)
      }
    }
    return values
  }

  const lastSegment = async () => {
    const names = await readdir(join(logDir, 'topics', TOPIC, '1'))
    return join(logDir, 'topics', TOPIC, '1', names.sort().at(-1) ?? '')
  }

  it('finds nothing where there is no log, and makes nothing', async () => {
    expect(await reader.describeTopic(TOPIC)).toBeUndefined()
    await expect(reader.offsets(TOPIC, 0)).rejects.toMatchObject({ code: 'NO_SUCH_TOPIC' })
    expect(await readdir(dir)).toEqual([])
  })

  it('sees what the owner has appended, over its segments, while it appends and trims', async () => {
    const owner = await open()
    let appending = true
    const writing = (async () => {
      for (let i = 0; i < 200; i++) {
        await append(owner, `record ${i}`)
        if (i % 40 === 39) await owner.trim(TOPIC, 1, i)
        await systemClock.sleep(1)
      }
    })().finally(() => {
      appending = false
    })
    let before = 0
    let looks = 0
    while (appending) {
      const { start, end } = await reader.offsets(TOPIC, 1)
      expect(end).toBeGreaterThanOrEqual(before)
      expect(start).toBeLessThanOrEqual(end)
      if (end > before) expect((await reader.read(TOPIC, 1, end - 1, 10)).length).toBe(1)
      before = end
      looks++
      // What is answered without a read of the disk leaves the writer no turn.
      await systemClock.sleep(1)
    }
    await writing
    expect(looks).toBeGreaterThan(20)
    expect(await reader.describeTopic(TOPIC)).toEqual(await owner.describeTopic(TOPIC))
    const values = await valuesOf(owner)
    expect(values.length).toBeLessThan(400)
    expect(await valuesOf(reader)).toEqual(values)
    expect(await reader.offsets(TOPIC, 0)).toEqual({ start: 0, end: 0 })
    expect(await reader.read(TOPIC, 1, 400, 1000)).toEqual([])
    for (const offset of [0, 401])
      await expect(reader.read(TOPIC, 1, offset, 1000)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await expect(reader.offsets(TOPIC, 2)).rejects.toMatchObject({ code: 'NO_SUCH_PARTITION' })
  })

  it('stops before a torn end and leaves it as it is', async () => {
    const owner = await open()
    for (let i = 0; i < 5; i++) await append(owner, `record ${i}`)
    await owner.close()
    const path = await lastSegment()
    const whole = await readFile(path)
    // The beginning of a batch that was being written: the first bytes of one that is there.
    await appendFile(path, whole.subarray(0, 50))
    const { size } = await stat(path)
    expect(await reader.offsets(TOPIC, 1)).toEqual({ start: 0, end: 10 })
    expect(await valuesOf(reader)).toHaveLength(10)
    expect((await stat(path)).size).toBe(size)
  })

  it('keeps nobody from opening the log', async () => {
    await append(await open(), 'record')
    await log?.close()
    await reader.offsets(TOPIC, 1)
    const owner = await open()
    await append(owner, 'more')
    expect(await reader.offsets(TOPIC, 1)).toEqual({ start: 0, end: 4 })
  })
})
