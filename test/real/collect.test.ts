import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, copyFile, mkdir, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { ingestHandler } from '../../lib/collect/ingest/handler.ts'
import type { RunResult } from '../../lib/collect/run.ts'
import { PortError } from '../../lib/ports/errors.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { topicName } from '../../lib/stream/topic.ts'
import type { ChildOrder } from '../collect/child.ts'
import { inFolder, openTestPorts } from '../collect/ports.ts'
import { eventsIn, SpoolWriter } from '../collect/spool-writer.ts'
import { difference, NO_DIFFERENCE, wordStream, words } from '../collect/streams.ts'
import { onServer } from './on-server.ts'
import { until } from './until.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const CHILD = join(import.meta.dirname, '../collect/child.ts')
const lines = (text: string) => text.trim().split('\n')
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Rule 12 of docs/exactness.md on Apache Kafka: collectors that are killed at random moments. */
onServer('kafka', ({ endpoint }) => {
  const logs: KafkaLog[] = []
  const open = (): KafkaLog => {
    const log = new KafkaLog({
      brokers: [endpoint],
      clientId: 'weir-test',
      requestTimeoutMs: 5000,
      compression: 'none',
    })
    logs.push(log)
    return log
  }
  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })

  /** One life of a collecting process; killed at some moment after it has begun to send, if it lives so long. */
  async function live(order: ChildOrder, killAfterMs?: number): Promise<RunResult | undefined> {
    const child = spawn(process.execPath, [CHILD, JSON.stringify(order)])
    let out = ''
    let errors = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (errors += chunk))
    const closed = once(child, 'close')
    if (killAfterMs !== undefined) {
      await Promise.race([once(child.stdout, 'data'), closed])
      await wait(killAfterMs)
      child.kill('SIGKILL')
    }
    const [code, signal] = await closed
    if (signal === 'SIGKILL') return undefined
    if (code !== 0) throw new Error(`the child failed: ${errors}`)
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as RunResult
  }

  describe('a collector on Kafka', () => {
    it(`that is killed and started again puts in every record of files once and in order (SEED=${SEED})`, () =>
      inFolder(async (dir) => {
        const random = seededRandom(SEED)
        const folder = join(dir, 'in')
        await mkdir(folder)
        await writeFile(join(folder, 'a.csv.gz'), gzipSync(words(20_000)))
        await writeFile(join(folder, 'b.csv'), words(20_000, 20_000))
        const order: ChildOrder = {
          dir: join(dir, 'own'),
          keyed: true,
          brokers: endpoint,
          sources: [folder],
          maxBatchBytes: 6000,
          // Slow enough that it is killed long before it is through.
          options: { checkpointMs: 50, ratePerS: 4000 },
        }
        let kills = 0
        let result: RunResult | undefined
        while (result === undefined) {
          const killed = kills < 4
          const fast = { ...order, options: { checkpointMs: 50 } }
          result = await live(killed ? order : fast, killed ? random() * 400 : undefined)
          if (result === undefined) kills++
        }
        expect(kills).toBe(4)
        expect(result).toMatchObject({ recordsIn: 40_000, finished: true, resumed: true })
        const byPartition = await valuesOf(open(), topicName('keyed-words', 'raw'))
        for (const values of byPartition) {
          const numbers = values.map((value) => Number.parseInt(value, 10))
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
        }
        expect(difference(byPartition.flat(), lines(words(40_000)))).toEqual(NO_DIFFERENCE)
      }))

    it(`that follows rotated files and is killed puts in every line once (SEED=${SEED})`, () =>
      inFolder(async (dir) => {
        const random = seededRandom(SEED + 1)
        const folder = join(dir, 'in')
        await mkdir(folder)
        const path = join(folder, 'log')
        const order: ChildOrder = {
          dir: join(dir, 'own'),
          keyed: false,
          brokers: endpoint,
          sources: [folder],
          follow: true,
          maxBatchBytes: 6000,
          options: { checkpointMs: 50 },
        }
        let written = 0
        const write = async () => {
          await appendFile(path, words(300, written))
          written += 300
        }
        await write()
        let writing = true
        const rotating = (async () => {
          for (let n = 0; writing; n++) {
            await write()
            if (n % 3 === 1) await rename(path, `${path}.${n}`)
            if (n % 3 === 2) {
              await copyFile(path, `${path}.${n}`)
              await truncate(path)
            }
            await wait(200 + random() * 800)
          }
        })()
        try {
          for (let lives = 0; lives < 4; lives++) await live(order, random() * 1500)
        } finally {
          writing = false
          await rotating
        }
        const child = spawn(process.execPath, [CHILD, JSON.stringify(order)])
        let recordsIn = 0
        child.stdout.on('data', (chunk) => {
          recordsIn = JSON.parse(String(chunk).trim().split('\n').at(-1) ?? '{}').recordsIn ?? recordsIn
        })
        await until('every line to be read', () => recordsIn >= written || child.exitCode !== null)
        await wait(500)
        child.kill('SIGTERM')
        if (child.exitCode === null) await once(child, 'close')
        const values = (await valuesOf(open(), topicName('words', 'raw'))).flat()
        expect(difference(values, lines(words(written)))).toEqual(NO_DIFFERENCE)
      }))
  })

  it(`a collector that follows unified2 spools and is killed puts every event in once (SEED=${SEED})`, () =>
    inFolder(async (dir) => {
      const random = seededRandom(SEED + 2)
      const folder = join(dir, 'spool')
      await mkdir(folder)
      const writer = new SpoolWriter(folder, random)
      const order: ChildOrder = {
        dir: join(dir, 'own'),
        keyed: false,
        brokers: endpoint,
        sources: [writer.pattern],
        follow: true,
        maxBatchBytes: 6000,
        options: { checkpointMs: 50 },
      }
      let writing = true
      const written = (async () => {
        while (writing) await writer.write()
      })()
      for (let lives = 0; lives < 3; lives++) await live(order, random() * 1000)
      writing = false
      await written
      const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: 'ignore' })
      const log = open()
      const events = async () => eventsIn((await valuesOf(log, topicName('words', 'raw'))).flat())
      await until('every event', async () => (await events()).different === writer.events)
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'close')
      expect(await events()).toEqual({ different: writer.events, doubled: [], packetsDoubled: [] })
    }))

  describe('the ingest API on Kafka', () => {
    it(`takes a request sent again once, whoever was at it before (SEED=${SEED})`, () =>
      inFolder(async (dir) => {
        vi.spyOn(console, 'error').mockImplementation(() => undefined)
        const random = seededRandom(SEED + 2)
        const stream = wordStream({ keyed: true, partitions: 3 })
        const streams = new Map([['ingested', { ...stream, name: 'ingested' }]])
        for (const kind of ['enriched', 'raw'] as const)
          await open().createTopic(topicName('ingested', kind), 3)
        const ports = await openTestPorts(dir)
        // Each a process of its own, as far as Kafka can tell.
        const handlers = Array.from({ length: 3 }, () =>
          ingestHandler(streams, { ...ports, log: losingAnswers(open(), random) }),
        )
        for (let request = 0; request < 12; request++) {
          const event = {
            requestContext: { http: { method: 'POST' } },
            rawPath: '/streams/ingested/records',
            headers: { 'idempotency-key': `request-${request}` },
            pathParameters: { stream: 'ingested' },
            body: words(200, request * 200),
            isBase64Encoded: false,
          }
          let status = 0
          for (let tries = 0; status !== 200 && tries < 50; tries++) {
            const handler = handlers[Math.floor(random() * handlers.length)] ?? handlers[0]
            status = (await handler?.(event, { getRemainingTimeInMillis: () => 20_000 }))?.statusCode ?? 0
            expect([200, 409, 503]).toContain(status)
          }
          expect(status).toBe(200)
        }
        const values = (await valuesOf(open(), topicName('ingested', 'raw'))).flat()
        expect(difference(values, lines(words(2400)))).toEqual(NO_DIFFERENCE)
        await ports.close()
      }))
  })
})

/** One append in four fails for good, of them every second after it has landed. */
function losingAnswers(log: KafkaLog, random: () => number): EventLog {
  const denied = new PortError('DENIED', 'the process is at its end', { curable: false })
  return new Proxy<EventLog>(log, {
    get: (target, name) => {
      if (name !== 'fence') {
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      }
      const fence: EventLog['fence'] = async (by, topic) => {
        const fenced = await log.fence(by, topic)
        return {
          append: async (partition, batch) => {
            if (random() < 0.12) throw denied
            const appended = await fenced.append(partition, batch)
            if (random() < 0.12) throw denied
            return appended
          },
        }
      }
      return fence
    },
  })
}

/** By partition; offsets that fencing took hold nothing. */
async function valuesOf(log: EventLog, topic: string): Promise<string[][]> {
  const { partitions = 0 } = (await log.describeTopic(topic)) ?? {}
  const all: string[][] = []
  for (let partition = 0; partition < partitions; partition++) {
    const values: string[] = []
    const { end } = await log.offsets(topic, partition)
    for (let at = 0; at < end; ) {
      const batches = await log.read(topic, partition, at, 1 << 20)
      for (const { baseOffset, records } of batches)
        for (const { value } of records.slice(Math.max(0, at - baseOffset)))
          values.push(Buffer.from(value).toString())
      const last = batches.at(-1)
      at = last === undefined ? end : last.baseOffset + last.records.count
    }
    all.push(values)
  }
  return all
}
