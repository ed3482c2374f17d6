import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PortError } from '../../lib/ports/errors.ts'
import type { EventLog, StoredBatch } from '../../lib/ports/event-log.ts'
import { type Header, type RecordBatch, recordBatch } from '../../lib/stream/record-batch.ts'

export interface OpenEventLog {
  readonly log: EventLog
  /** Closes the log and opens the same storage again; left out where that means nothing. */
  readonly reopen?: () => Promise<EventLog>
  readonly close: () => Promise<void>
}

/** Registers the contract of `EventLog` for one implementation. Topic names are unique, so a shared server will do. */
export function eventLogContract(name: string, open: () => Promise<OpenEventLog>): void {
  describe(`EventLog contract: ${name}`, () => {
    let opened: OpenEventLog
    let log: EventLog
    beforeAll(async () => {
      opened = await open()
      log = opened.log
    })
    afterAll(() => opened?.close())

    const newTopic = async (partitions = 1): Promise<string> => {
      const topic = `contract-${randomUUID()}`
      await log.createTopic(topic, partitions)
      return topic
    }

    describe('topics', () => {
      it('starts empty at offset 0', async () => {
        const topic = await newTopic(2)
        expect(await log.offsets(topic, 1)).toEqual({ start: 0, end: 0 })
        expect(await log.read(topic, 1, 0, 1000)).toEqual([])
      })

      it('describes a topic, and knows of none that was not made', async () => {
        const topic = await newTopic(3)
        const info = await log.describeTopic(topic)
        expect(info).toMatchObject({ name: topic, partitions: 3 })
        expect(info?.id).toMatch(/\S/)
        expect(await log.describeTopic(`contract-${randomUUID()}`)).toBeUndefined()
      })

      it('makes a topic once: again it keeps its id and records, and grows but never shrinks', async () => {
        const topic = await newTopic(2)
        const first = await log.describeTopic(topic)
        await log.append(topic, 1, texts('kept'))
        expect(await log.createTopic(topic, 1)).toEqual(first)
        expect(await log.createTopic(topic, 4)).toEqual({ ...first, partitions: 4 })
        expect(await log.describeTopic(topic)).toEqual({ ...first, partitions: 4 })
        expect(await valuesFrom(log, topic, 1)).toEqual(['kept'])
      })

      it('gives topics different ids', async () => {
        const ids = await Promise.all([newTopic(), newTopic()].map(async (t) => log.describeTopic(await t)))
        expect(ids[0]?.id).not.toBe(ids[1]?.id)
      })

      it('adds partitions, which start empty', async () => {
        const topic = await newTopic(1)
        await log.append(topic, 0, texts('a'))
        await log.addPartitions(topic, 3)
        await log.addPartitions(topic, 2)
        expect((await log.describeTopic(topic))?.partitions).toBe(3)
        expect(await log.offsets(topic, 2)).toEqual({ start: 0, end: 0 })
        expect((await log.append(topic, 2, texts('b'))).baseOffset).toBe(0)
        expect(await valuesFrom(log, topic, 0)).toEqual(['a'])
      })

      it('refuses names that are not topic names', async () => {
        for (const bad of ['', '..', 'a/b', 'a b', 'x'.repeat(250)])
          await expect(log.createTopic(bad, 1), bad).rejects.toMatchObject({
            code: 'BAD_KEY',
            curable: false,
          })
      })

      it('rejects what names no topic or no partition', async () => {
        const none = `contract-${randomUUID()}`
        const topic = await newTopic(2)
        const noTopic = { name: 'PortError', code: 'NO_SUCH_TOPIC' }
        const noPartition = { name: 'PortError', code: 'NO_SUCH_PARTITION' }
        await expect(log.append(none, 0, texts('x'))).rejects.toMatchObject(noTopic)
        await expect(log.read(none, 0, 0, 100)).rejects.toMatchObject(noTopic)
        await expect(log.offsets(none, 0)).rejects.toMatchObject(noTopic)
        await expect(log.addPartitions(none, 2)).rejects.toMatchObject(noTopic)
        await expect(log.append(topic, 2, texts('x'))).rejects.toMatchObject(noPartition)
        await expect(log.read(topic, 2, 0, 100)).rejects.toMatchObject(noPartition)
        await expect(log.offsets(topic, 2)).rejects.toMatchObject(noPartition)
      })
    })

    describe('append and read', () => {
      it('gives records back as they were: keys, values, headers, of any bytes', async () => {
        const topic = await newTopic()
        const records = oddRecords()
        await log.append(topic, 0, recordBatch(records))
        expect(await recordsFrom(log, topic, 0)).toEqual(records)
      })

      it('numbers records from 0 without a gap, and answers with where they are', async () => {
        const topic = await newTopic()
        const bases: number[] = []
        for (const count of [1, 3, 2]) bases.push((await log.append(topic, 0, numbered(count))).baseOffset)
        expect(bases).toEqual([0, 1, 4])
        expect(await log.offsets(topic, 0)).toEqual({ start: 0, end: 6 })
        const values = await valuesFrom(log, topic, 0)
        expect(values).toEqual(['0', '0', '1', '2', '0', '1'])
      })

      it('keeps partitions apart', async () => {
        const topic = await newTopic(2)
        await log.append(topic, 0, texts('zero'))
        expect((await log.append(topic, 1, texts('one'))).baseOffset).toBe(0)
        expect(await valuesFrom(log, topic, 0)).toEqual(['zero'])
        expect(await valuesFrom(log, topic, 1)).toEqual(['one'])
      })

      it('stamps append times that never decrease and are the same when read', async () => {
        const topic = await newTopic()
        const times: number[] = []
        for (let i = 0; i < 20; i++) times.push((await log.append(topic, 0, texts(`${i}`))).appendTimeMs)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        expect(times[0]).toBeGreaterThan(0)
        const read = await batchesFrom(log, topic, 0)
        expect(read.flatMap(({ records, appendTimeMs }) => Array(records.count).fill(appendTimeMs))).toEqual(
          times,
        )
      })

      it('reads from any offset, also from within a batch', async () => {
        const topic = await newTopic()
        for (const count of [5, 1, 7]) await log.append(topic, 0, numbered(count))
        const all = await valuesFrom(log, topic, 0)
        for (let from = 0; from < 13; from++) {
          const [first] = await log.read(topic, 0, from, 1)
          expect(first?.baseOffset).toBeLessThanOrEqual(from)
          expect((first?.baseOffset ?? 0) + (first?.records.count ?? 0)).toBeGreaterThan(from)
          expect(await valuesFrom(log, topic, 0, from)).toEqual(all.slice(from))
        }
      })

      it('brings about as many bytes as asked for, and at least one batch', async () => {
        const topic = await newTopic()
        for (let i = 0; i < 40; i++)
          await log.append(topic, 0, recordBatch([{ value: Buffer.alloc(50_000, i) }]))
        const some = await log.read(topic, 0, 0, 200_000)
        const bytes = some.reduce((sum, { records }) => sum + records.bytes.length, 0)
        expect(bytes).toBeGreaterThan(50_000)
        expect(bytes).toBeLessThan(600_000)
        expect((await log.read(topic, 0, 3, 1)).length).toBeGreaterThan(0)
      })

      it('rejects offsets it does not hold, and has nothing at its end', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, texts('a', 'b'))
        expect(await log.read(topic, 0, 2, 100)).toEqual([])
        for (const offset of [3, 1_000_000, -1])
          await expect(log.read(topic, 0, offset, 100)).rejects.toMatchObject({
            name: 'PortError',
            code: 'OFFSET_OUT_OF_RANGE',
          })
      })

      it('leaves what was read alone, whatever is appended and read later', async () => {
        const topic = await newTopic()
        await log.append(topic, 0, texts('first'))
        const [first] = await log.read(topic, 0, 0, 1000)
        for (let i = 0; i < 20; i++) await log.append(topic, 0, texts(`later ${i}`))
        await valuesFrom(log, topic, 0)
        expect([...(first?.records ?? [])].map(({ value }) => text(value))[0]).toBe('first')
      })
    })

    describe('limits', () => {
      it('takes a batch of exactly maxBatchBytes, of one record and of the smallest', async () => {
        const topic = await newTopic()
        const one = recordBatch([{ value: Buffer.alloc(log.maxBatchBytes - 10, 7) }])
        expect(one.bytes.length).toBe(log.maxBatchBytes)
        await log.append(topic, 0, one)
        const smallest = recordBatch(
          Array.from({ length: Math.floor(log.maxBatchBytes / 10) }, () => ({ value: Buffer.alloc(0) })),
        )
        await log.append(topic, 0, smallest)
        expect(await log.offsets(topic, 0)).toEqual({ start: 0, end: 1 + smallest.count })
        const read = await batchesFrom(log, topic, 0)
        expect(read.reduce((sum, { records }) => sum + records.bytes.length, 0)).toBe(
          one.bytes.length + smallest.bytes.length,
        )
      })

      it('rejects a larger one for good, and nothing of it lands', async () => {
        const topic = await newTopic()
        const tooLarge = recordBatch([{ value: Buffer.alloc(log.maxBatchBytes - 9) }])
        await expect(log.append(topic, 0, tooLarge)).rejects.toMatchObject({
          code: 'BATCH_TOO_LARGE',
          curable: false,
        })
        expect(await log.offsets(topic, 0)).toEqual({ start: 0, end: 0 })
      })

      it('rejects an empty batch', async () => {
        const topic = await newTopic()
        await expect(log.append(topic, 0, recordBatch([]))).rejects.toThrow(RangeError)
        expect(await log.offsets(topic, 0)).toEqual({ start: 0, end: 0 })
      })
    })

    describe('many at once', () => {
      it('lands the batches of concurrent writers whole, each once, where it said', async () => {
        const topic = await newTopic()
        const expected = new Map<number, string>()
        const write = async (writer: number): Promise<void> => {
          for (let i = 0; i < 20; i++) {
            const values = [0, 1, 2].map((part) => `${writer}.${i}.${part}`)
            const { baseOffset } = await log.append(topic, 0, texts(...values))
            for (const [at, value] of values.entries()) expected.set(baseOffset + at, value)
          }
        }
        await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
        const values = await valuesFrom(log, topic, 0)
        expect(values).toHaveLength(8 * 20 * 3)
        expect(values).toEqual(values.map((_, offset) => expected.get(offset)))
      })

      it('shows a reader at its heels every record once and in order', async () => {
        const topic = await newTopic()
        const count = 200
        const writing = (async () => {
          for (let i = 0; i < count; i++) await log.append(topic, 0, texts(`${i}`))
        })()
        const seen: string[] = []
        while (seen.length < count) {
          for (const { baseOffset, records } of await log.read(topic, 0, seen.length, 5_000))
            for (const { value } of records.slice(seen.length - baseOffset)) seen.push(text(value))
          await nextTurn()
        }
        await writing
        expect(seen).toEqual(Array.from({ length: count }, (_, i) => `${i}`))
      })

      it('shows an append as soon as it has resolved', async () => {
        const topic = await newTopic(4)
        const check = async (partition: number): Promise<void> => {
          for (let i = 0; i < 25; i++) {
            const { baseOffset } = await log.append(topic, partition, texts(`${i}`))
            expect((await log.offsets(topic, partition)).end).toBe(baseOffset + 1)
            expect(await valuesFrom(log, topic, partition, baseOffset)).toEqual([`${i}`])
          }
        }
        await Promise.all([0, 1, 2, 3].map(check))
      })
    })

    describe('fencing', () => {
      const locked = { name: 'PortError', code: 'LOCKED', curable: false }

      it('appends, in order, to every partition', async () => {
        const topic = await newTopic(2)
        const fenced = await log.fence('run', topic)
        await Promise.all(Array.from({ length: 20 }, (_, i) => fenced.append(i % 2, texts(`${i}`))))
        const evens = Array.from({ length: 10 }, (_, i) => `${i * 2}`)
        expect(await valuesAround(log, topic, 0)).toEqual(evens)
        expect(await valuesAround(log, topic, 1)).toEqual(evens.map((n) => `${Number(n) + 1}`))
      })

      it('keeps whoever fenced before from landing anything, in every partition', async () => {
        for (const partition of [0, 1, 2]) {
          const topic = await newTopic(3)
          const old = await log.fence('run', topic)
          await old.append(0, texts('old'))
          const young = await log.fence('run', topic)
          const before = await log.offsets(topic, partition)
          await expect(old.append(partition, texts('zombie'))).rejects.toMatchObject(locked)
          expect(await log.offsets(topic, partition)).toEqual(before)
          await young.append(0, texts('young'))
          expect(await valuesAround(log, topic, 0)).toEqual(['old', 'young'])
        }
      })

      it('lets nothing land after it that was under way', async () => {
        const topic = await newTopic(1)
        let fenced = await log.fence('run', topic)
        for (let round = 0; round < 5; round++) {
          const before = fenced
          const appends = Array.from({ length: 10 }, (_, i) => before.append(0, texts(`${round}.${i}`)))
          const settled = Promise.allSettled(appends)
          fenced = await log.fence('run', topic)
          const landed = await valuesAround(log, topic, 0)
          const results = await settled
          expect(await valuesAround(log, topic, 0)).toEqual(landed)
          const acknowledged = results.filter(({ status }) => status === 'fulfilled').length
          expect(landed.filter((value) => value.startsWith(`${round}.`)).length).toBeGreaterThanOrEqual(
            acknowledged,
          )
        }
      })

      it('lets nothing land after either of two that fence at the same time', async () => {
        const topic = await newTopic(1)
        for (let round = 0; round < 5; round++) {
          const old = await log.fence('run', topic)
          const appends = Array.from({ length: 5 }, (_, i) => old.append(0, texts(`${round}.${i}`)))
          const settled = Promise.allSettled(appends)
          const look = () => log.fence('run', topic).then(() => valuesAround(log, topic, 0))
          const looks = await Promise.allSettled([look(), look()])
          await settled
          const landed = await valuesAround(log, topic, 0)
          const seen = looks.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
          expect(seen.length).toBeGreaterThan(0)
          for (const values of seen) expect(values).toEqual(landed)
        }
      })

      it('has one append of several that fence and look before they append, however they overlap', async () => {
        for (let round = 0; round < 4; round++) {
          const topic = await newTopic(2)
          const appendOnce = async (): Promise<void> => {
            try {
              const fenced = await log.fence('run', topic)
              if ((await valuesAround(log, topic, 1)).length === 0) await fenced.append(1, texts('once'))
            } catch (error) {
              // Another came first: look again.
              if (!(error instanceof PortError && error.code === 'LOCKED')) throw error
              await sleep(Math.random() * 100)
              await appendOnce()
            }
          }
          await Promise.all(Array.from({ length: 5 }, appendOnce))
          expect(await valuesAround(log, topic, 1)).toEqual(['once'])
        }
      })

      it('leaves other names, other topics and plain appends alone', async () => {
        const [topic, elsewhere] = [await newTopic(1), await newTopic(1)]
        const one = await log.fence('one', topic)
        const two = await log.fence('two', topic)
        const there = await log.fence('one', elsewhere)
        // A name is one process's: fencing another topic by it says that this process has gone there.
        await there.append(0, texts('there'))
        await two.append(0, texts('b'))
        await log.append(topic, 0, texts('c'))
        expect(one).toBeDefined()
        expect(await valuesAround(log, topic, 0)).toEqual(['b', 'c'])
        expect(await valuesAround(log, elsewhere, 0)).toEqual(['there'])
      })

      it('refuses an empty batch and a topic that is not there', async () => {
        const topic = await newTopic(1)
        const fenced = await log.fence('run', topic)
        await expect(fenced.append(0, recordBatch([]))).rejects.toThrow(RangeError)
        await expect(log.fence('run', `contract-${randomUUID()}`)).rejects.toMatchObject({
          code: 'NO_SUCH_TOPIC',
        })
      })
    })

    describe('opening and closing', () => {
      it('holds everything when it is opened again', async ({ skip }) => {
        if (opened.reopen === undefined) return skip()
        const topic = await newTopic(2)
        const before = await log.describeTopic(topic)
        const { appendTimeMs } = await log.append(topic, 1, recordBatch(oddRecords()))
        log = await opened.reopen()
        expect(await log.describeTopic(topic)).toEqual(before)
        expect(await recordsFrom(log, topic, 1)).toEqual(oddRecords())
        const next = await log.append(topic, 1, texts('next'))
        expect(next.baseOffset).toBe(oddRecords().length)
        expect(next.appendTimeMs).toBeGreaterThanOrEqual(appendTimeMs)
      })

      it('rejects every call once closed', async () => {
        const other = await open()
        const topic = `contract-${randomUUID()}`
        await other.log.createTopic(topic, 1)
        await other.log.close()
        await other.log.close()
        const closed = { name: 'PortError', code: 'CLOSED' }
        await expect(other.log.append(topic, 0, texts('x'))).rejects.toMatchObject(closed)
        await expect(other.log.read(topic, 0, 0, 100)).rejects.toMatchObject(closed)
        await expect(other.log.offsets(topic, 0)).rejects.toMatchObject(closed)
        await expect(other.log.createTopic(topic, 2)).rejects.toMatchObject(closed)
        await other.close()
      })
    })
  })
}

interface PlainRecord {
  readonly key: Buffer | null
  readonly value: Buffer
  readonly headers: readonly Header[]
}

function oddRecords(): PlainRecord[] {
  const header = (name: string, value: Uint8Array): Header => ({ name, value: Buffer.from(value) })
  return [
    { key: null, value: Buffer.alloc(0), headers: [] },
    { key: Buffer.alloc(0), value: Buffer.from('empty key'), headers: [] },
    { key: Buffer.from([0, 255, 10]), value: Buffer.from([0xff, 0xfe, 0, 13, 10]), headers: [] },
    { key: Buffer.from('k'), value: Buffer.from('ünï ☃ 🚀'), headers: [header('run', Buffer.from('é'))] },
    {
      key: null,
      value: Buffer.alloc(100_000, 'x'),
      headers: [header('a', Buffer.alloc(0)), header('ß', Buffer.of(0))],
    },
    {
      key: null,
      value: Buffer.from('same name'),
      headers: [header('n', Buffer.of(1)), header('n', Buffer.of(2))],
    },
  ]
}

function texts(...values: string[]): RecordBatch {
  return recordBatch(values.map((value) => ({ value: Buffer.from(value) })))
}

function numbered(count: number): RecordBatch {
  return texts(...Array.from({ length: count }, (_, i) => `${i}`))
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

/** All there is from `from` to the end, read in small steps; checks that no offset is missing or given twice. */
export async function batchesFrom(
  log: EventLog,
  topic: string,
  partition: number,
  from = 0,
  stepBytes = 100_000,
): Promise<StoredBatch[]> {
  const { end } = await log.offsets(topic, partition)
  const all: StoredBatch[] = []
  for (let next = from; next < end; ) {
    const step = await log.read(topic, partition, next, stepBytes)
    expect(step.length, `read at ${next} of ${end}`).toBeGreaterThan(0)
    for (const batch of step) {
      if (next === from) expect(batch.baseOffset).toBeLessThanOrEqual(from)
      else expect(batch.baseOffset).toBe(next)
      const records = batch.records.slice(next - batch.baseOffset)
      all.push({ ...batch, baseOffset: next, records })
      next += records.count
    }
  }
  return all
}

async function recordsFrom(
  log: EventLog,
  topic: string,
  partition: number,
  from = 0,
): Promise<PlainRecord[]> {
  const batches = await batchesFrom(log, topic, partition, from)
  return batches.flatMap(({ records }) => [...records].map(plain))
}

function plain(record: {
  key: Uint8Array | null
  value: Uint8Array
  headers: readonly Header[]
}): PlainRecord {
  return {
    key: record.key === null ? null : Buffer.from(record.key),
    value: Buffer.from(record.value),
    headers: record.headers.map(({ name, value }) => ({ name, value: Buffer.from(value) })),
  }
}

/** The values as text, for tests that know what they appended. */
export async function valuesFrom(
  log: EventLog,
  topic: string,
  partition: number,
  from = 0,
): Promise<string[]> {
  return (await recordsFrom(log, topic, partition, from)).map(({ value }) => value.toString())
}

/** As `valuesFrom`, of a topic that was fenced: offsets may be missing, records may not come twice or out of order. */
async function valuesAround(log: EventLog, topic: string, partition: number): Promise<string[]> {
  const { end } = await log.offsets(topic, partition)
  const values: string[] = []
  for (let next = 0; next < end; ) {
    const step = await log.read(topic, partition, next, 100_000)
    expect(step.length, `read at ${next} of ${end}`).toBeGreaterThan(0)
    for (const { baseOffset, records } of step) {
      const from = Math.max(0, next - baseOffset)
      values.push(...[...records.slice(from)].map(({ value }) => text(value)))
      next = Math.max(next, baseOffset + records.count)
    }
  }
  return values
}
