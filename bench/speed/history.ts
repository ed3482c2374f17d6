/**
 * What it costs `score` to look each record's author up in a view of 24 hour slots: posts with `author_posts` and without,
 * in turn, on SQLite and a folder.
 *
 *     node bench/speed/history.ts [--authors 5000] [--records 10000] [--rounds 9]
 *
 * `boards`: the whole day lies on boards, of four partitions and an epoch an hour, every author on each. `batch`: all but
 * the last two hours lie in a batch view. `cold`: nothing is known, as for one batch in five seconds. `held`: the boards are
 * held from a batch before, and no author is known. `known`: every author is. Every batch is one partition's.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { type HistoryOptions, historyReader } from '../../lib/serve/query/history.ts'
import type { KafkaEvent, KafkaHandler } from '../../lib/speed/kafka-event.ts'
import { scoreHandler } from '../../lib/speed/score.ts'
import { BoardStore } from '../../lib/state/boards.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { OkEntry } from '../../lib/stream/entry.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { compileView } from '../../lib/views/view.ts'
import { streamNamed, streams } from '../../streams/index.ts'
import { slotsBetween, storeBatchView } from '../serve/batch-view.ts'

const { values } = parseArgs({
  options: {
    authors: { type: 'string', default: '5000' },
    records: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '9' },
  },
})
const AUTHORS = Array.from({ length: Number(values.authors) }, (_, i) => `author-${i}`)
const RECORDS = Number(values.records)
const ROUNDS = Number(values.rounds)
const HOUR_MS = 3_600_000
const END_MS = 1_793_664_000_000
const PARTITIONS = 4
const HORIZON = END_MS / HOUR_MS - 2
const TOPIC = topicName('posts', 'raw')
const AMPLE = { getRemainingTimeInMillis: () => 60_000 }

const posts = streamNamed('posts')
const without: Stream = { ...posts, history: {} }
const byAuthor = compileView('posts', 'byAuthor', posts.views.byAuthor ?? missing())

function missing(): never {
  throw new Error('posts has no view byAuthor')
}

async function storeBoards(stores: Pick<Ports, 'keyed' | 'objects'>): Promise<void> {
  const boards = new BoardStore(stores)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    let offset = 0
    for (const slot of slotsBetween(END_MS - 24 * HOUR_MS, END_MS, HOUR_MS)) {
      const entries = AUTHORS.map((username) => {
        const head = { site: 'bench', topic: TOPIC, partition, offset: offset++ }
        const entry: OkEntry = {
          ...head,
          appendTime: slot,
          eventTime: slot,
          outcome: 'ok',
          value: { username },
        }
        return { origin: entry.offset, entry, keys: [username] }
      })
      await boards.apply(byAuthor, { slot, epoch: slot / HOUR_MS, topic: TOPIC, partition }, entries)
    }
  }
}

function batchOf(first: number): KafkaEvent {
  const records = Array.from({ length: RECORDS }, (_, i) => {
    const post = {
      username: AUTHORS[(i * 7_919) % AUTHORS.length],
      timestamp: END_MS - 1_000,
      tweetid: String(first + i),
      tweet: 'A post of some length, as most are, with #one tag and another #tag',
    }
    const value = Buffer.from(JSON.stringify(post)).toString('base64')
    const at = { topic: TOPIC, partition: 0, offset: first + i, timestamp: END_MS }
    return { ...at, timestampType: 'LOG_APPEND_TIME', value }
  })
  return { eventSource: 'aws:kafka', records: { [`${TOPIC}-0`]: records } }
}

/** Takes what is appended, so that the log is no part of what is timed. */
function portsOf(keyed: SqliteStore, objects: FolderStore): Ports {
  const nothing = async () => undefined
  const topic = async (name: string) => ({ name, id: name, partitions: PARTITIONS })
  const log = {
    maxBatchBytes: 1_000_000,
    createTopic: topic,
    describeTopic: topic,
    addPartitions: nothing,
    append: async () => ({ baseOffset: 0, appendTimeMs: 0 }),
    read: async () => [],
    offsets: async () => ({ start: 0, end: 0 }),
    fence: async () => ({ append: async () => ({ baseOffset: 0, appendTimeMs: 0 }) }),
    close: nothing,
  }
  const publisher = { maxFrameBytes: 32_768, send: async () => 'gone' as const, close: nothing }
  const metrics = { record: () => undefined }
  const rest = { publisher, metrics, clock: systemClock, close: nothing }
  return { site: 'bench', epochMs: HOUR_MS, log, keyed, objects, ...rest }
}

async function timed(handler: KafkaHandler, event: KafkaEvent): Promise<{ cpuUs: number; wallMs: number }> {
  const before = process.cpuUsage()
  const startedMs = performance.now()
  const { batchItemFailures } = await handler(event, AMPLE)
  if (batchItemFailures.length > 0) throw new Error('the batch failed')
  const { user, system } = process.cpuUsage(before)
  return { cpuUs: (user + system) / RECORDS, wallMs: performance.now() - startedMs }
}

const median = (all: number[]) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0

async function compare(where: string, ports: Ports): Promise<void> {
  const none = async () => undefined
  const looking = (options: HistoryOptions) =>
    scoreHandler(posts, ports, none, none, historyReader(ports, posts, streams, options))
  const ways: readonly [string, KafkaHandler][] = [
    ['without', scoreHandler(without, ports, none)],
    [`${where}, cold`, looking({ ageMsMax: 0 })],
    [`${where}, held`, looking({ ageMsMax: HOUR_MS, heldMax: 0 })],
    [`${where}, known`, looking({ ageMsMax: HOUR_MS })],
  ]
  const results = ways.map(([name, handler]) => ({
    name,
    handler,
    cpu: [] as number[],
    wall: [] as number[],
  }))
  for (let round = 0; round <= ROUNDS + 1; round++)
    for (const { handler, cpu, wall } of results) {
      const { cpuUs, wallMs } = await timed(handler, batchOf(round * RECORDS))
      // The first rounds warm up: boards are held from the second reading on.
      if (round > 1) cpu.push(cpuUs)
      if (round > 1) wall.push(wallMs)
    }
  for (const { name, cpu, wall } of results)
    console.log(
      `${name.padEnd(16)} ${median(cpu).toFixed(2).padStart(8)} us of CPU a record ${median(wall).toFixed(0).padStart(6)} ms a batch`,
    )
}

const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
console.log(`${cpus()[0]?.model.trim()}, Node ${process.version}`)
console.log(`${AUTHORS.length} authors, batches of ${RECORDS} posts, median of ${ROUNDS} rounds\n`)
const keyed = await SqliteStore.open(join(dir, 'state.db'))
const objects = await FolderStore.open(join(dir, 'objects'), { fsync: 'never' })
await storeBoards({ keyed, objects })
const ports = portsOf(keyed, objects)
await compare('boards', ports)
await storeBatchView(ports, byAuthor, {
  keys: AUTHORS,
  fromMs: END_MS - 30 * 24 * HOUR_MS,
  horizon: HORIZON,
  epochMs: HOUR_MS,
  states: () => [4],
})
await compare('batch', ports)
await keyed.close()
await objects.close()
await rm(dir, { recursive: true })
