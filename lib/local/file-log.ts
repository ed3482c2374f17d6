import { join } from 'node:path'
import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { Appended, EventLog, FencedTopic, StoredBatch, TopicInfo } from '../ports/event-log.ts'
import type { RecordBatch } from '../stream/record-batch.ts'
import { batchTooLarge } from './batch-too-large.ts'
import { Fences } from './fences.ts'
import type { FilePartition } from './file-partition.ts'
import { FileTopic, type TopicOptions, topicNames } from './file-topic.ts'
import { lockFolder } from './folder-lock.ts'
import { forgetRecoveryPoints, readRecoveryPoints, writeRecoveryPoints } from './recovery-points.ts'

export interface FileLogOptions {
  /** The log's own folder, made where there is none. One process at a time may hold it open. */
  readonly dir: string
  readonly clock: Pick<Clock, 'nowMs'>
  /**
   * What an acknowledged append survives, besides the end of this process, which it always survives.
   * 'always': a power cut. 'interval' (default): a power cut, but for the last `fsyncIntervalMs`. 'never': nothing else.
   */
  readonly fsync?: 'always' | 'interval' | 'never'
  /** Default 1000. */
  readonly fsyncIntervalMs?: number
  /** Where a segment file ends and the next begins, default 128 MiB. `trim` deletes whole segments. */
  readonly segmentBytesMax?: number
  /** Default 1 MiB. */
  readonly maxBatchBytes?: number
}

/** Told each batch once it can be read. Must not throw. */
export type AppendListener = (topic: string, partition: number, batch: StoredBatch) => void

const SEGMENT_BYTES_MAX = 128 * 1024 * 1024
const BATCH_BYTES_MAX = 1024 * 1024
const FSYNC_INTERVAL_MS = 1000
/** Kafka's rule for topic names; with it a name is a safe file name as well. */
const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/

/**
 * An EventLog in a folder:
 *
 *     lock.sqlite  holder.json        who has it open
 *     recovery-points.json            up to where each partition is known to be on disk
 *     topics/<topic>/topic.json       id and number of partitions
 *     topics/<topic>/<partition>/<base offset>.log
 */
export class FileLog implements EventLog {
  readonly maxBatchBytes: number
  readonly #dir: string
  readonly #options: TopicOptions
  readonly #topics = new Map<string, FileTopic>()
  readonly #listeners = new Set<AppendListener>()
  readonly #unlock: () => void
  readonly #fences = new Fences((topic, partition, batch) => this.append(topic, partition, batch))
  #timer: NodeJS.Timeout | undefined
  #syncing: Promise<void> | undefined
  #pointsWritten = ''
  #administration: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  private constructor(options: FileLogOptions, unlock: () => void) {
    this.#unlock = unlock
    this.#dir = options.dir
    this.maxBatchBytes = options.maxBatchBytes ?? BATCH_BYTES_MAX
    this.#options = {
      dir: join(options.dir, 'topics'),
      nowMs: () => options.clock.nowMs(),
      fsync: options.fsync ?? 'interval',
      segmentBytesMax: options.segmentBytesMax ?? SEGMENT_BYTES_MAX,
      onAppend: (topic, partition, batch) => {
        for (const listener of this.#listeners) listener(topic, partition, batch)
      },
    }
  }

  /** Rejects with LOCKED where another `FileLog` has the folder open, with CORRUPT where it is damaged. */
  static async open(options: FileLogOptions): Promise<FileLog> {
    const log = new FileLog(options, lockFolder(options.dir))
    try {
      await log.#recover()
    } catch (error) {
      await log.#closeTopics().catch(() => undefined)
      log.#unlock()
      throw error
    }
    log.#syncEvery(options.fsyncIntervalMs ?? FSYNC_INTERVAL_MS)
    return log
  }

  async createTopic(topic: string, partitions: number): Promise<TopicInfo> {
    if (!TOPIC_NAME.test(topic) || topic === '.' || topic === '..')
      throw new PortError('BAD_KEY', `not a topic name: ${JSON.stringify(topic)}`, { curable: false })
    return this.#administer(async () => {
      const held = this.#topics.get(topic) ?? (await FileTopic.create(this.#options, topic, partitions))
      await held.grow(partitions)
      this.#topics.set(topic, held)
      return held.info
    })
  }

  async describeTopic(topic: string): Promise<TopicInfo | undefined> {
    return this.#topics.get(topic)?.info
  }

  async addPartitions(topic: string, partitions: number): Promise<void> {
    await this.#administer(() => this.#topic(topic).grow(partitions))
  }

  async append(topic: string, partition: number, batch: RecordBatch): Promise<Appended> {
    if (batch.count === 0) throw new RangeError(`append to ${topic}/${partition}: the batch is empty`)
    if (batch.bytes.length > this.maxBatchBytes)
      throw batchTooLarge(topic, batch.bytes.length, this.maxBatchBytes)
    return this.#partition(topic, partition).append(batch)
  }

  async read(
    topic: string,
    partition: number,
    fromOffset: number,
    maxBytes: number,
  ): Promise<readonly StoredBatch[]> {
    return this.#partition(topic, partition).read(fromOffset, maxBytes)
  }

  async offsets(topic: string, partition: number): Promise<{ start: number; end: number }> {
    const { start, end } = this.#partition(topic, partition)
    return { start, end }
  }

  /** Takes no offsets: what is under way ends before it resolves. */
  async fence(name: string, topic: string): Promise<FencedTopic> {
    this.#topic(topic)
    return this.#fences.fence(name, topic)
  }

  /** Deletes the segments that lie wholly below `beforeOffset`, never the last one. Resolves with the new start. */
  async trim(topic: string, partition: number, beforeOffset: number): Promise<number> {
    return this.#partition(topic, partition).trim(beforeOffset)
  }

  /** Calls `listener` after every write that made appends visible, once a write. Returns the way to stop it. */
  onAppend(listener: AppendListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Lets the appends under way finish, brings everything to disk and gives the folder free. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #recover(): Promise<void> {
    const recovery = readRecoveryPoints(this.#dir)
    // Points of an earlier run would outlive what this one leaves unsynced.
    if (this.#options.fsync === 'never') forgetRecoveryPoints(this.#dir)
    for (const name of topicNames(this.#options.dir))
      this.#topics.set(name, await FileTopic.open(this.#options, name, recovery))
  }

  #syncEvery(intervalMs: number): void {
    if (this.#options.fsync === 'never') return
    this.#timer = setInterval(() => {
      this.#syncing ??= this.#sync().finally(() => {
        this.#syncing = undefined
      })
    }, intervalMs)
    this.#timer.unref()
  }

  /** Never rejects: a partition whose fsync failed says so to whoever appends next. */
  async #sync(): Promise<void> {
    const topics = [...this.#topics.values()]
    const partitions = topics.flatMap((topic) => topic.partitions)
    if (this.#options.fsync === 'interval')
      await Promise.allSettled(partitions.map((partition) => partition.sync()))
    this.#writeRecoveryPoints()
  }

  #writeRecoveryPoints(): void {
    const topics = [...this.#topics.values()]
    const points = JSON.stringify(Object.fromEntries(topics.map((topic) => topic.recoveryPoints())))
    if (points === this.#pointsWritten) return
    try {
      writeRecoveryPoints(this.#dir, points)
      this.#pointsWritten = points
    } catch {
      // The points written before hold as well: they only vouch for less.
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#syncing
    await this.#administration
    try {
      await this.#closeTopics()
      if (this.#options.fsync !== 'never') this.#writeRecoveryPoints()
    } finally {
      this.#unlock()
    }
  }

  async #closeTopics(): Promise<void> {
    await Promise.all([...this.#topics.values()].map((topic) => topic.close()))
  }

  /** One change to the set of topics and partitions at a time. */
  #administer<T>(change: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    const changed = this.#administration.then(change)
    this.#administration = changed.catch(() => undefined)
    return changed
  }

  #topic(topic: string): FileTopic {
    if (this.#closing !== undefined) throw closed()
    const held = this.#topics.get(topic)
    if (held === undefined) throw new PortError('NO_SUCH_TOPIC', `no topic ${topic}`, { curable: false })
    return held
  }

  #partition(topic: string, partition: number): FilePartition {
    const { partitions } = this.#topic(topic)
    const held = partitions[partition]
    if (held !== undefined) return held
    const message = `${topic} has partitions 0 to ${partitions.length - 1}, asked for ${partition}`
    throw new PortError('NO_SUCH_PARTITION', message, { curable: false })
  }
}

function closed(): PortError {
  return new PortError('CLOSED', 'the log is closed', { curable: false })
}
