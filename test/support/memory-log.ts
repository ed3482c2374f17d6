import type { Appended, EventLog, FencedTopic, StoredBatch, TopicInfo } from '../../lib/ports/event-log.ts'
import type { RecordBatch } from '../../lib/stream/record-batch.ts'

/** A log in memory, for tests that decide when an append lands. */
export class MemoryLog implements EventLog {
  readonly maxBatchBytes: number
  readonly topics = new Map<string, StoredBatch[][]>()
  #nowMs = 1_700_000_000_000

  constructor(maxBatchBytes = 1024 * 1024) {
    this.maxBatchBytes = maxBatchBytes
  }

  async createTopic(name: string, partitions: number): Promise<TopicInfo> {
    if (!this.topics.has(name))
      this.topics.set(
        name,
        Array.from({ length: partitions }, () => []),
      )
    return { name, id: `id-${name}`, partitions }
  }

  async describeTopic(name: string): Promise<TopicInfo | undefined> {
    const partitions = this.topics.get(name)?.length
    return partitions === undefined ? undefined : { name, id: `id-${name}`, partitions }
  }

  async addPartitions(name: string, partitions: number): Promise<void> {
    const topic = this.topics.get(name) ?? []
    while (topic.length < partitions) topic.push([])
  }

  async append(topic: string, partition: number, records: RecordBatch): Promise<Appended> {
    const batches = this.#batches(topic, partition)
    const baseOffset = endOf(batches)
    const appendTimeMs = this.#nowMs++
    batches.push({ baseOffset, appendTimeMs, records })
    return { baseOffset, appendTimeMs }
  }

  async read(topic: string, partition: number, fromOffset: number): Promise<readonly StoredBatch[]> {
    return this.#batches(topic, partition).filter(
      ({ baseOffset, records }) => baseOffset + records.count > fromOffset,
    )
  }

  async offsets(topic: string, partition: number): Promise<{ start: number; end: number }> {
    return { start: 0, end: endOf(this.#batches(topic, partition)) }
  }

  async fence(_name: string, topic: string): Promise<FencedTopic> {
    return { append: (partition, batch) => this.append(topic, partition, batch) }
  }

  async close(): Promise<void> {}

  /** Every value of a partition, as text. */
  texts(topic: string, partition: number): string[] {
    return this.#batches(topic, partition).flatMap(({ records }) =>
      [...records].map(({ value }) => Buffer.from(value).toString()),
    )
  }

  #batches(topic: string, partition: number): StoredBatch[] {
    const batches = this.topics.get(topic)?.[partition]
    if (batches === undefined) throw new Error(`no partition ${topic}-${partition}`)
    return batches
  }
}

function endOf(batches: readonly StoredBatch[]): number {
  const last = batches.at(-1)
  return last === undefined ? 0 : last.baseOffset + last.records.count
}
