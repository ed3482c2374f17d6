import type { Appended, EventLog, FencedTopic, StoredBatch, TopicInfo } from '../ports/event-log.ts'
import type { RecordBatch } from '../stream/record-batch.ts'
import type { LogReader } from './file-log-reader.ts'

/**
 * A log that is opened at its first use: most commands never need it, and one process at a time may hold it. Where there
 * is a `reader`, that answers what only reads, for as long as nothing has been written.
 */
export class LazyLog implements EventLog {
  readonly maxBatchBytes = 1024 * 1024
  readonly #open: () => Promise<EventLog>
  readonly #reader: LogReader | undefined
  #log: Promise<EventLog> | undefined

  constructor(open: () => Promise<EventLog>, reader?: LogReader) {
    this.#open = open
    this.#reader = reader
  }

  async createTopic(topic: string, partitions: number): Promise<TopicInfo> {
    return (await this.#opened()).createTopic(topic, partitions)
  }

  async describeTopic(topic: string): Promise<TopicInfo | undefined> {
    return (await this.#readable()).describeTopic(topic)
  }

  async addPartitions(topic: string, partitions: number): Promise<void> {
    return (await this.#opened()).addPartitions(topic, partitions)
  }

  async append(topic: string, partition: number, batch: RecordBatch): Promise<Appended> {
    return (await this.#opened()).append(topic, partition, batch)
  }

  async read(
    topic: string,
    partition: number,
    from: number,
    maxBytes: number,
  ): Promise<readonly StoredBatch[]> {
    return (await this.#readable()).read(topic, partition, from, maxBytes)
  }

  async offsets(topic: string, partition: number): Promise<{ start: number; end: number }> {
    return (await this.#readable()).offsets(topic, partition)
  }

  async fence(name: string, topic: string): Promise<FencedTopic> {
    return (await this.#opened()).fence(name, topic)
  }

  async close(): Promise<void> {
    const log = await this.#log?.catch(() => undefined)
    await log?.close()
  }

  async #readable(): Promise<LogReader> {
    return this.#log === undefined && this.#reader !== undefined ? this.#reader : this.#opened()
  }

  #opened(): Promise<EventLog> {
    this.#log ??= this.#open()
    return this.#log
  }
}
