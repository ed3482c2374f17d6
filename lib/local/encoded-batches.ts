import type { EventLog, StoredBatch } from '../ports/event-log.ts'
import { type EncodedBatch, encodeBatch } from './kafka-event-text.ts'

const READ_BYTES = 4 * 1024 * 1024
/** Text kept in memory at most, all partitions together. */
const KEPT_BYTES_MAX = 96 * 1024 * 1024
/**
 * Memory of batches that all readers have passed, to be used again: V8 counts every new megabyte outside its heap towards
 * the next full collection, and these came to a third of the main process's time.
 */
const SLABS_MAX = 24

/** One partition as its readers see it. */
interface Lane {
  /** Ascending by offset, without gaps: what every reader still has before it, as far as there was room. */
  readonly kept: EncodedBatch[]
  /** The offset each reader has taken in everything below. */
  readonly passed: Map<string, number>
}

/**
 * The log's newest batches as event text, shared by all mappings: three functions read the enriched topic, and the text is
 * made once, from what was just appended rather than from the disk. Let go when the last reader has passed it. A reader
 * that has fallen behind what there was room for reads the log.
 */
export class EncodedBatches {
  readonly #log: Pick<EventLog, 'read'>
  readonly #lanes = new Map<string, Lane>()
  readonly #slabs: Buffer[] = []
  #bytes = 0

  constructor(log: Pick<EventLog, 'read'>) {
    this.#log = log
  }

  /** `reader` has taken in everything below `offset`. Each reader says so once before the first batch. */
  passed(reader: string, topic: string, partition: number, offset: number): void {
    const lane = this.#lane(topic, partition)
    lane.passed.set(reader, offset)
    const all = Math.min(...lane.passed.values())
    for (
      let [first] = lane.kept;
      first !== undefined && first.baseOffset + first.count <= all;
      [first] = lane.kept
    ) {
      lane.kept.shift()
      this.#bytes -= first.bytes.length
      if (this.#slabs.length < SLABS_MAX) this.#slabs.push(first.slab)
    }
  }

  /** The log has taken a batch. */
  add(topic: string, partition: number, batch: StoredBatch): void {
    const lane = this.#lane(topic, partition)
    if (lane.passed.size > 0 && this.#continues(lane, batch)) {
      this.#keep(lane, encodeBatch(topic, partition, batch, this.#slabs.pop()))
    }
  }

  /** Batches from the one that holds `fromOffset` on: some of them, at least one unless it is the end of the log. */
  async from(topic: string, partition: number, fromOffset: number): Promise<readonly EncodedBatch[]> {
    const { kept } = this.#lane(topic, partition)
    const at = kept.findIndex(
      ({ baseOffset, count }) => baseOffset <= fromOffset && fromOffset < baseOffset + count,
    )
    if (at >= 0) return kept.slice(at)
    const stored = await this.#log.read(topic, partition, fromOffset, READ_BYTES)
    return stored.map((batch) => this.#encoded(topic, partition, batch))
  }

  #encoded(topic: string, partition: number, batch: StoredBatch): EncodedBatch {
    const lane = this.#lane(topic, partition)
    const encoded = encodeBatch(topic, partition, batch)
    if (this.#continues(lane, batch)) this.#keep(lane, encoded)
    return encoded
  }

  #continues({ kept }: Lane, { baseOffset }: StoredBatch): boolean {
    const last = kept.at(-1)
    return this.#bytes < KEPT_BYTES_MAX && (last === undefined || last.baseOffset + last.count === baseOffset)
  }

  #keep(lane: Lane, encoded: EncodedBatch): void {
    lane.kept.push(encoded)
    this.#bytes += encoded.bytes.length
  }

  #lane(topic: string, partition: number): Lane {
    const name = `${topic}-${partition}`
    const lane = this.#lanes.get(name) ?? { kept: [], passed: new Map() }
    this.#lanes.set(name, lane)
    return lane
  }
}
