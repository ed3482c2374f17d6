import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockOf } from '../../lib/collect/block.ts'
import { type RunOptions, startRun } from '../../lib/collect/run.ts'
import { RunError } from '../../lib/collect/run-error.ts'
import type { Source } from '../../lib/collect/source.ts'
import { SourceError } from '../../lib/collect/source-error.ts'
import { PortError } from '../../lib/ports/errors.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { partitionOf } from '../../lib/stream/partition.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { wordStream, words } from './streams.ts'

const stream = wordStream({ keyed: false })
const TOPIC = 'words.raw.g1'

async function withTestPorts(use: (ports: Ports, dir: string) => Promise<void>, maxBatchBytes?: number) {
  await inFolder(async (dir) => {
    const ports = await openTestPorts(join(dir, 'data'), maxBatchBytes)
    try {
      await use(ports, dir)
    } finally {
      await ports.close()
    }
  })
}

async function valuesOf(ports: Ports, topic = TOPIC): Promise<string[]> {
  return (await everything(ports.log, topic)).flat().map(({ value }) => value)
}

function inOrder(values: readonly string[]): string[] {
  return [...values].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
}

const lines = (text: string) => text.trim().split('\n')

/** The log with another way to append; everything else as it is. */
function withAppend(ports: Ports, append: EventLog['append']): Ports {
  const { log } = ports
  return {
    ...ports,
    log: {
      maxBatchBytes: log.maxBatchBytes,
      append,
      createTopic: (topic, partitions) => log.createTopic(topic, partitions),
      describeTopic: (topic) => log.describeTopic(topic),
      addPartitions: (topic, partitions) => log.addPartitions(topic, partitions),
      read: (topic, partition, from, maxBytes) => log.read(topic, partition, from, maxBytes),
      offsets: (topic, partition) => log.offsets(topic, partition),
      fence: async (name, topic) => {
        await log.fence(name, topic)
        return { append: (...args) => append(topic, ...args) }
      },
      close: () => log.close(),
    },
  }
}

describe('startRun', () => {
  it('spreads records without a key in runs of a thousand, and says where they lie', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(4500))
      const result = await startRun({ ports, stream, sources: [path] })
      expect(result).toMatchObject({
        recordsIn: 4500,
        recordsInSession: 4500,
        resumed: false,
        finished: true,
        topic: TOPIC,
      })
      expect(result.ranges).toEqual([[[0, 1500]], [[0, 1000]], [[0, 1000]], [[0, 1000]]])
      const landed = await everything(ports.log, TOPIC)
      expect(landed[0]?.map(({ value }) => value)).toEqual([
        ...lines(words(1000)),
        ...lines(words(500, 4000)),
      ])
      expect(await ports.log.describeTopic('words.enriched.g1')).toMatchObject({ partitions: 4 })
    }))

  it('puts the records of a key where every Kafka producer would, and the unreadable by position', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, `${words(3000)}garbage\n`)
      const { ranges } = await startRun({ ports, stream: wordStream({ keyed: true }), sources: [path] })
      const landed = await everything(ports.log, 'keyed-words.raw.g1')
      landed.forEach((records, p) => {
        expect(ranges[p]).toEqual(records.length === 0 ? [] : [[0, records.length]])
        const keyed = records.filter(({ key }) => key !== undefined)
        for (const { key, value } of keyed) {
          expect(key).toBe(value.split(',')[1])
          expect(partitionOf(Buffer.from(key ?? ''), 4)).toBe(p)
        }
        expect(keyed.map(({ value }) => value)).toEqual(inOrder(keyed.map(({ value }) => value)))
      })
      expect(landed.flat().filter(({ key }) => key === undefined)).toMatchObject([{ value: 'garbage' }])
      expect(landed.flat()).toHaveLength(3001)
    }))

  it('puts a record too large for the log into the object store and a pointer in its place', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      const large = `7,${'x'.repeat(2_000_000)}`
      await writeFile(path, `1,a\n${large}\n2,b\n`)
      expect(await startRun({ ports, stream, sources: [path] })).toMatchObject({ recordsIn: 3 })
      const [first, pointer, last] = (await everything(ports.log, TOPIC))[0] ?? []
      expect([first?.value, last?.value]).toEqual(['1,a', '2,b'])
      expect(pointer?.headers).toEqual(['weir-pointer'])
      const { key, sizeBytes } = JSON.parse(pointer?.value ?? '{}')
      expect(sizeBytes).toBe(large.length)
      expect(Buffer.from((await ports.objects.get(key))?.bytes ?? []).toString()).toBe(large)
    }))

  it('takes a record that stamping made too large, and one just below the limit', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, `1,${'x'.repeat(899_950)}\n2,${'y'.repeat(899_998)}\n3,c\n`)
      const result = await startRun({ ports, stream, sources: [path], options: { stampSeed: 1 } })
      expect(result.recordsIn).toBe(3)
      const landed = (await everything(ports.log, TOPIC))[0] ?? []
      expect(landed.map(({ headers }) => headers.includes('weir-pointer'))).toEqual([true, true, false])
      await writeFile(path, `1,${'x'.repeat(899_998)}\n`)
      const plain = await startRun({ ports, stream, sources: [path] })
      expect(plain.recordsIn).toBe(1)
      expect((await everything(ports.log, TOPIC))[0]?.at(-1)?.value).toHaveLength(900_000)
    }))

  it('does nothing but say so for empty files', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'empty.csv')
      await writeFile(path, '\n\n')
      const notices: string[] = []
      const request = { ports, stream, sources: [path], onNotice: (notice: string) => notices.push(notice) }
      expect(await startRun(request)).toMatchObject({ recordsIn: 0, finished: true })
      expect(await startRun({ ...request, options: { loop: true } })).toMatchObject({
        recordsIn: 0,
        finished: true,
      })
      expect(notices).toEqual([
        `${path} is empty: no records in it`,
        `${path} is empty: no records in it`,
        'the sources hold no records, so there is nothing to repeat',
      ])
    }))
})

describe('the identity of a run', () => {
  it('is new each time without an id, and one for ever with an id', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(100))
      const first = await startRun({ ports, stream, sources: [path] })
      const second = await startRun({ ports, stream, sources: [path] })
      expect(second.runId).not.toBe(first.runId)
      expect(second.ranges[0]).toEqual([[100, 200]])
      const named = { ports, stream, sources: [path], options: { runId: 'mine' } }
      expect(await startRun(named)).toMatchObject({ recordsInSession: 100, resumed: false })
      expect(await startRun(named)).toMatchObject({
        recordsIn: 100,
        recordsInSession: 0,
        resumed: true,
        finished: true,
      })
      expect(await startRun({ ...named, options: { runId: first.runId } })).toMatchObject({
        recordsInSession: 0,
      })
      expect(await valuesOf(ports)).toHaveLength(300)
    }))

  it('holds its sources and options', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(10))
      await startRun({ ports, stream, sources: [path], options: { runId: 'mine' } })
      const other = startRun({ ports, stream, sources: [path], options: { runId: 'mine', shuffleSeed: 1 } })
      await expect(other).rejects.toThrow('run mine was begun with other sources or options')
      const bad = startRun({ ports, stream, sources: [path], options: { runId: 'a b' } })
      await expect(bad).rejects.toThrow('bad run id')
    }))

  it('goes on with the same files after a file has come, and after one has grown', () =>
    withTestPorts(async (ports, dir) => {
      const folder = join(dir, 'in')
      await mkdir(folder)
      await writeFile(join(folder, 'b.csv'), words(5000))
      const stopped = await stopAfter(1000, { ports, sources: [folder] })
      expect(stopped.finished).toBe(false)
      await writeFile(join(folder, 'a.csv'), words(10, 90_000))
      await appendFile(join(folder, 'b.csv'), words(5, 5000))
      const result = await startRun({ ports, stream, sources: [folder] })
      expect(result).toMatchObject({ runId: stopped.runId, recordsIn: 5005, resumed: true, finished: true })
      expect(inOrder(await valuesOf(ports))).toEqual(lines(words(5005)))
    }))

  it('refuses to go on with a file that has changed or gone', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(5000))
      await stopAfter(1000, { ports, sources: [path] })
      await writeFile(path, words(5000, 1))
      await expect(startRun({ ports, stream, sources: [path] })).rejects.toThrow(`${path}: changed since`)
      await rm(path)
      await expect(startRun({ ports, stream, sources: [path] })).rejects.toThrow('there is no such file')
      await writeFile(path, words(5000))
      expect(await startRun({ ports, stream, sources: [path] })).toMatchObject({
        recordsIn: 5000,
        resumed: true,
      })
    }))

  it('is one process at a time', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(5000))
      const stop = new AbortController()
      const options = { ratePerS: 500, checkpointMs: 10 }
      const first = startRun({ ports, stream, sources: [path], options, signal: stop.signal })
      while ((await valuesOf(ports)).length === 0) await ports.clock.sleep(20)
      await expect(startRun({ ports, stream, sources: [path] })).rejects.toThrow(`process ${process.pid}`)
      stop.abort()
      expect((await first).finished).toBe(false)
      expect(await startRun({ ports, stream, sources: [path] })).toMatchObject({
        recordsIn: 5000,
        resumed: true,
      })
    }))

  it('is lost to a process that took it over', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(5000))
      const first = startRun({ ports, stream, sources: [path], options: { ratePerS: 500, checkpointMs: 10 } })
      const taken = expect(first).rejects.toThrow('another process works on it')
      while ((await valuesOf(ports)).length === 0) await ports.clock.sleep(20)
      for await (const item of ports.keyed.query('run/words'))
        await ports.keyed.put({ ...item, rev: 'other' }, 'any')
      await taken
    }))

  it('ends with its process where its sources cannot be read again and it has no name', () =>
    withTestPorts(async (ports) => {
      const source: Source = {
        name: 'once',
        repeatable: false,
        sizeBytes: undefined,
        async *read() {
          for (let i = 0; ; i++) yield blockOf(lines(words(10, i * 10)), i * 10)
        },
      }
      const one = await stopAfter(1000, { ports, sources: [source] })
      const two = await stopAfter(1000, { ports, sources: [source] })
      expect([one.resumed, two.resumed]).toEqual([false, false])
      expect(two.runId).not.toBe(one.runId)
      expect(await valuesOf(ports)).toHaveLength(one.recordsIn + two.recordsIn)
    }))
})

/** A run that is aborted when some of its records have gone in: a tenth of `records` at the least. */
async function stopAfter(
  records: number,
  {
    ports,
    sources,
    options,
  }: { ports: Ports; sources: readonly string[] | readonly Source[]; options?: RunOptions },
) {
  const stop = new AbortController()
  let before: number | undefined
  return startRun({
    ports,
    stream,
    sources,
    options: { ratePerS: records * 2, ...options },
    signal: stop.signal,
    onProgress: ({ recordsIn }) => {
      before ??= recordsIn
      if (recordsIn >= before + records / 10) stop.abort()
    },
  })
}

describe('a run that is stopped', () => {
  it('has in the log what it has counted, and goes on after it', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(20_000))
      let recordsIn = 0
      for (let stops = 0; stops < 3; stops++) {
        const stopped = await stopAfter(5000, { ports, sources: [path] })
        expect(stopped.finished).toBe(false)
        expect(stopped.recordsIn).toBeGreaterThan(recordsIn)
        recordsIn = stopped.recordsIn
        expect(await valuesOf(ports)).toHaveLength(recordsIn)
      }
      const last = await startRun({ ports, stream, sources: [path] })
      expect(last).toMatchObject({ recordsIn: 20_000, recordsInSession: 20_000 - recordsIn })
      expect(inOrder(await valuesOf(ports))).toEqual(lines(words(20_000)))
    }))

  it('goes on in the round of its loop where it was', () =>
    withTestPorts(async (ports, dir) => {
      const paths = [join(dir, 'a.csv'), join(dir, 'b.csv')]
      await writeFile(paths[0] ?? '', words(300))
      await writeFile(paths[1] ?? '', words(200, 300))
      const options = { loop: true, stampSeed: 5 }
      for (let stops = 0; stops < 3; stops++) await stopAfter(5000, { ports, sources: paths, options })
      const stamps = (await valuesOf(ports)).map((value) => JSON.parse(value))
      stamps.sort((a, b) => a.sequence_id - b.sequence_id)
      expect(stamps.length).toBeGreaterThan(1000)
      stamps.forEach((stamp, i) => {
        expect(stamp).toMatchObject({
          sequence_id: i,
          n: i % 500,
          index: i % 500 < 300 ? i % 500 : (i % 500) - 300,
        })
      })
      expect(new Set(stamps.map(({ uuid }) => uuid)).size).toBe(stamps.length)
    }))

  it('gives what a gzip file cut short holds, then fails, and goes on once the file is whole', () =>
    withTestPorts(async (ports, dir) => {
      const { gzipSync } = await import('node:zlib')
      const path = join(dir, 'words.csv.gz')
      const whole = gzipSync(words(50_000))
      await writeFile(path, whole.subarray(0, whole.length / 2))
      const failed = startRun({ ports, stream, sources: [path] })
      await expect(failed).rejects.toThrow(SourceError)
      await expect(failed).rejects.toThrow(`${path}: the gzip data is cut short`)
      const before = (await valuesOf(ports)).length
      expect(before).toBeGreaterThan(10_000)
      await writeFile(path, whole)
      expect(await startRun({ ports, stream, sources: [path] })).toMatchObject({
        recordsIn: 50_000,
        recordsInSession: 50_000 - before,
      })
      expect(inOrder(await valuesOf(ports))).toEqual(lines(words(50_000)))
    }))
})

describe('a log that fails', () => {
  it('when the run is about to begin is tried again, and given up where trying cannot help', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(10))
      let left = 2
      const failing = (curable: boolean): Ports => {
        const log = withAppend(ports, (...args) => ports.log.append(...args)).log
        const fence: EventLog['fence'] = async (...args) => {
          if (left-- > 0) throw new PortError('TIMEOUT', 'no answer in time', { curable })
          return ports.log.fence(...args)
        }
        const clock = { ...ports.clock, sleep: () => ports.clock.sleep(1) }
        return { ...ports, clock, log: { ...log, fence } }
      }
      expect(await startRun({ ports: failing(true), stream, sources: [path] })).toMatchObject({
        recordsIn: 10,
      })
      left = 1
      await expect(startRun({ ports: failing(false), stream, sources: [path] })).rejects.toThrow(PortError)
    }))

  const curable = new PortError('TIMEOUT', 'no answer in time', { curable: true })
  /** Of an append: it is taken and said so, taken but not said, or refused. */
  const fates = fc.constantFrom('fine', 'fine', 'fine', 'fine', 'landed unsaid', 'refused')

  it('now and then, with or without taking the batch, changes nothing in what lands', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fates), fc.boolean(), async (fate, keyed) =>
        withTestPorts(async (ports, dir) => {
          const path = join(dir, 'words.csv')
          await writeFile(path, words(3000))
          const outstanding = new Set<number>()
          const failing = withAppend(ports, async (topic, partition, batch) => {
            expect(outstanding.has(partition)).toBe(false)
            outstanding.add(partition)
            try {
              const what = fate.next().value
              if (what === 'refused') throw curable
              const appended = await ports.log.append(topic, partition, batch)
              if (what === 'landed unsaid') throw curable
              return appended
            } finally {
              outstanding.delete(partition)
            }
          })
          const clock = {
            ...ports.clock,
            sleep: (_ms: number, signal?: AbortSignal) => ports.clock.sleep(1, signal),
          }
          const result = await startRun({
            ports: { ...failing, clock },
            stream: wordStream({ keyed }),
            sources: [path],
          })
          expect(result.recordsIn).toBe(3000)
          const landed = await everything(ports.log, keyed ? 'keyed-words.raw.g1' : TOPIC)
          for (const records of landed) {
            const values = records.map(({ value }) => value)
            expect(values).toEqual(inOrder(values))
          }
          expect(inOrder(landed.flat().map(({ value }) => value))).toEqual(lines(words(3000)))
        }, 5000),
      ),
      { numRuns: 15 },
    )
  }, 240_000)

  it('for good in one partition ends the run, with the others drained; the next one goes on', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(9000))
      const denied = new PortError('DENIED', 'no right to write', { curable: false })
      const failing = withAppend(ports, (topic, partition, batch) =>
        partition === 2 ? Promise.reject(denied) : ports.log.append(topic, partition, batch),
      )
      await expect(startRun({ ports: failing, stream, sources: [path] })).rejects.toBe(denied)
      const landed = await everything(ports.log, TOPIC)
      expect(landed[2]).toEqual([])
      expect(landed[0]?.length).toBeGreaterThan(0)
      expect(await startRun({ ports, stream, sources: [path] })).toMatchObject({
        recordsIn: 9000,
        resumed: true,
      })
      expect(inOrder(await valuesOf(ports))).toEqual(lines(words(9000)))
    }))

  it('in which others write too has its ranges told apart', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(1000))
      const noisy = withAppend(ports, async (topic, partition, batch) => {
        await ports.log.append(topic, partition, recordBatch([{ value: Buffer.from('another') }]))
        return ports.log.append(topic, partition, batch)
      })
      const result = await startRun({ ports: noisy, stream, sources: [path] })
      expect(result.recordsIn).toBe(1000)
      const records = (await everything(ports.log, TOPIC))[0] ?? []
      const inRanges = (result.ranges[0] ?? []).flatMap(([from, to]) => records.slice(from, to))
      expect(inRanges.map(({ value }) => value)).toEqual(lines(words(1000)))
      expect(result.ranges[0]?.length).toBeGreaterThan(1)
    }, 5000))

  it('that holds less than it had acknowledged is read again from where the run began', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(9000))
      const stopped = await stopAfter(3000, { ports, sources: [path] })
      const item = await ports.keyed.get('run/words', stopped.runId)
      if (item === undefined) throw new Error('no run')
      const record = JSON.parse(Buffer.from(item.data).toString())
      // As after a power cut: the checkpoint knows of more than the log still has.
      record.landed[0].nextOffset += 500
      record.landed[0].mark.position += 500
      await ports.keyed.put({ ...item, data: Buffer.from(JSON.stringify(record)) }, 'any')
      expect(await startRun({ ports, stream, sources: [path] })).toMatchObject({
        recordsIn: 9000,
        finished: true,
      })
      expect(inOrder(await valuesOf(ports))).toEqual(lines(words(9000)))
    }))

  it('that was trimmed beyond the last checkpoint is an error, not a guess', () =>
    withTestPorts(async (ports, dir) => {
      const path = join(dir, 'words.csv')
      await writeFile(path, words(9000))
      await stopAfter(3000, { ports, sources: [path] })
      const trimmed: Ports = withAppend(ports, (...args) => ports.log.append(...args))
      const offsets: EventLog['offsets'] = async (topic, partition) => {
        const { end } = await ports.log.offsets(topic, partition)
        return { start: end + 1, end: end + 1 }
      }
      const run = startRun({
        ports: { ...trimmed, log: { ...trimmed.log, offsets } },
        stream,
        sources: [path],
      })
      await expect(run).rejects.toThrow(RunError)
    }))
})
