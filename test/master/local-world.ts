import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileLog } from '../../lib/local/file-log.ts'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { EVENT_BYTES_MAX, encodeBatch, kafkaEvent, takePieces } from '../../lib/local/kafka-event-text.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { ObjectInfo, ObjectStore } from '../../lib/ports/object-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { archiveStage } from '../../lib/speed/archive.ts'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import type { KafkaEvent, KafkaHandler } from '../../lib/speed/kafka-event.ts'
import { scoreHandler } from '../../lib/speed/score.ts'
import { recordLost } from '../../lib/state/lost.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { topicName } from '../../lib/stream/topic.ts'

/** A clock that stands still until it is told, or slept, on. */
export class TestClock implements Clock {
  ms = 1_700_000_000_000
  nowMs(): number {
    return this.ms
  }
  async sleep(ms: number): Promise<void> {
    this.ms += ms
  }
}

/** The store with the test's clock for its own: times of objects are those of their last puts by it. */
function clocked(objects: FolderStore, clock: Clock): ObjectStore {
  const times = new Map<string, number>()
  const timed = (info: ObjectInfo) => ({ ...info, modifiedMs: times.get(info.key) ?? info.modifiedMs })
  const own: Pick<ObjectStore, 'put' | 'head' | 'list'> = {
    async put(key, bytes, condition) {
      const result = await objects.put(key, bytes, condition)
      if (result.ok) times.set(key, clock.nowMs())
      return result
    },
    async head(key) {
      const info = await objects.head(key)
      return info && timed(info)
    },
    async *list(prefix) {
      for await (const info of objects.list(prefix)) yield timed(info)
    },
  }
  return new Proxy<ObjectStore>(objects, {
    get(target, name) {
      const member: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** A stream on the embedded adapters in a folder of its own, its stages called by hand. */
export class LocalWorld {
  readonly dir: string
  /** A test sets another to stand for a new release. */
  stream: Stream
  readonly clock: TestClock
  readonly ports: Ports
  readonly #log: FileLog
  readonly #delivered = new Map<string, number>()

  private constructor(dir: string, stream: Stream, clock: TestClock, log: FileLog, ports: Ports) {
    this.dir = dir
    this.stream = stream
    this.clock = clock
    this.#log = log
    this.ports = ports
  }

  static async open(stream: Stream): Promise<LocalWorld> {
    const dir = mkdtempSync(join(tmpdir(), 'weir-master-'))
    const clock = new TestClock()
    const log = await FileLog.open({ dir: join(dir, 'log'), clock, fsync: 'never' })
    const keyed = await SqliteStore.open(join(dir, 'state.db'), { clock })
    const objects = clocked(await FolderStore.open(join(dir, 'objects'), { fsync: 'never' }), clock)
    const publisher = { maxFrameBytes: 1, send: async () => 'gone' as const, close: async () => undefined }
    const close = async () => {
      await log.close()
      await keyed.close()
      await objects.close()
      rmSync(dir, { recursive: true })
    }
    const metrics = { record: () => undefined }
    const ports = { site: 'here', epochMs: 60_000, log, keyed, objects, publisher, metrics, clock, close }
    for (const kind of ['raw', 'enriched'] as const)
      await log.createTopic(topicName(stream.name, kind), stream.partitions)
    return new LocalWorld(dir, stream, clock, log, ports)
  }

  async feed(partition: number, ...lines: readonly (string | Uint8Array)[]): Promise<void> {
    const records = lines.map((line) => ({ value: Buffer.from(line) }))
    await this.#log.append(topicName(this.stream.name, 'raw'), partition, recordBatch(records))
  }

  /** Appends raw records that are gone before they are scored, and records that they are lost. */
  async lose(partition: number, ...lines: readonly string[]): Promise<void> {
    const topic = topicName(this.stream.name, 'raw')
    const { end: from } = await this.#log.offsets(topic, partition)
    await this.feed(partition, ...lines)
    const to = from + lines.length
    this.#delivered.set(`score ${topic} ${partition}`, to)
    await recordLost(this.ports.keyed, topic, partition, { from, to })
  }

  /** Delivers to the stages what has come, `atOnce` records an event. */
  async run(stages: readonly ('score' | 'archive' | 'count')[] = ['score', 'archive', 'count'], atOnce = 7) {
    const { ports, stream } = this
    const handlers: Readonly<Record<string, KafkaHandler>> = {
      score: scoreHandler(stream, ports, async () => undefined),
      archive: entryConsumer(stream.name, archiveStage(stream, ports, { sealItems: 4 }), ports),
      count: entryConsumer(stream.name, countStage(stream, ports), ports),
    }
    for (const stage of stages) {
      const handler = handlers[stage]
      const topic = topicName(stream.name, stage === 'score' ? 'raw' : 'enriched')
      for (let partition = 0; partition < stream.partitions; partition++)
        if (handler !== undefined) await this.#deliver(stage, handler, topic, partition, atOnce)
    }
  }

  async #deliver(stage: string, handler: KafkaHandler, topic: string, partition: number, atOnce: number) {
    const place = `${stage} ${topic} ${partition}`
    for (;;) {
      const from = this.#delivered.get(place) ?? 0
      const batches = await this.#log.read(topic, partition, from, 1_000_000)
      const room = { records: atOnce, bytes: EVENT_BYTES_MAX, empty: true }
      const encoded = batches.map((batch) => encodeBatch(topic, partition, batch))
      const some = takePieces(encoded, from, room)
      if (some === undefined) return
      const pieces = kafkaEvent(new Map([[`${topic}-${partition}`, some]]))
      const event: unknown = JSON.parse(Buffer.concat(pieces).toString())
      const answer = await handler(event as KafkaEvent, { getRemainingTimeInMillis: () => 60_000 })
      if (answer.batchItemFailures.length > 0) throw new Error(`${place} failed at ${from}`)
      this.#delivered.set(place, some.end)
    }
  }
}
