import type { RecordBatch } from '../stream/record-batch.ts'

/**
 * A partitioned, append-only, durable log: Kafka, or files on one machine.
 *
 * Contract, proven by test/contracts/event-log.ts on every implementation:
 * - A partition's offsets start at 0 and grow by one a record, but for those that `fence` takes. Records of one append
 *   lie side by side, in order.
 * - `append` is atomic: all records of the batch land or none does. It resolves only when they are durable as the
 *   implementation states. When it rejects, the batch may have landed or may still land: the caller sends nothing more
 *   to that partition in this attempt (docs/exactness.md, rule 2).
 * - The log, not the caller, stamps the append time. Within a partition it never decreases, but for Kafka where another
 *   broker comes to lead it: then it may step back by as much as the two clocks differ. Who reasons by append times takes
 *   that bound as an argument (`slackMs`; 0 on one machine).
 * - An append is visible to `read` and `offsets` as soon as it has resolved.
 * - What names a topic or partition that is not there rejects with NO_SUCH_TOPIC or NO_SUCH_PARTITION; after `close`
 *   every call rejects with CLOSED, and closing again does nothing.
 */
export interface EventLog {
  /** The largest `RecordBatch.bytes.length` that one append takes. Larger batches are rejected, curable: false. */
  readonly maxBatchBytes: number
  /**
   * Makes the topic, grows it where it stands with fewer partitions, does nothing where it has as many or more. Resolves
   * with the topic as it then is. Names are Kafka's: 1 to 249 of [a-zA-Z0-9._-]; others reject with BAD_KEY.
   */
  createTopic(topic: string, partitions: number): Promise<TopicInfo>
  /** Undefined where there is no such topic. */
  describeTopic(topic: string): Promise<TopicInfo | undefined>
  /** Grows a topic to `partitions`. Never shrinks. */
  addPartitions(topic: string, partitions: number): Promise<void>
  /** An empty batch rejects with a RangeError: it is a mistake of the caller's, there is no offset to answer with. */
  append(topic: string, partition: number, batch: RecordBatch): Promise<Appended>
  /**
   * Stored batches holding the offsets from `fromOffset` on, in order, about `maxBytes` together but at least one where
   * there is one; empty at the end of the log. The first may begin below `fromOffset`: skip what is below it. Batches
   * need not be cut as they were appended. Offsets between two batches hold no record; where none is left before the
   * end of the log, a batch without records says by its `baseOffset` where to go on.
   * Rejects with code OFFSET_OUT_OF_RANGE below the log's start or above its end.
   */
  read(
    topic: string,
    partition: number,
    fromOffset: number,
    maxBytes: number,
  ): Promise<readonly StoredBatch[]>
  /** `start`: the first offset still held. `end`: the offset the next record gets. */
  offsets(topic: string, partition: number): Promise<{ start: number; end: number }>
  /**
   * Takes the place of whatever process last fenced the topic by this name, this one included: when it resolves, no
   * append of theirs is under way or can land any more, and they reject with LOCKED, curable: false. So may this call,
   * where another process fences at the same time. Read tails after it, not before. Each call may take offsets of the topic that then hold no record.
   */
  fence(name: string, topic: string): Promise<FencedTopic>
  close(): Promise<void>
}

/** The right to append under a name. After an append has rejected, fence again: it may still land until then. */
export interface FencedTopic {
  /** As `EventLog.append`. */
  append(partition: number, batch: RecordBatch): Promise<Appended>
}

export interface TopicInfo {
  readonly name: string
  /** Changes when a topic is deleted and made again under the same name. */
  readonly id: string
  readonly partitions: number
}

export interface Appended {
  readonly baseOffset: number
  readonly appendTimeMs: number
}

export interface StoredBatch {
  /** Offset of the batch's first record; the others follow without a gap. */
  readonly baseOffset: number
  readonly appendTimeMs: number
  readonly records: RecordBatch
}
