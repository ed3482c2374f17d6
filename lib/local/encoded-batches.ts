import type { EventLog, StoredBatch } from '../ports/event-log.ts'
import { type EncodedBatch, encodeBatch } from './kafka-event-text.ts'

const READ_BYTES = 4 * 1024 * 1024
/** Memory held at most, all partitions together: text kept, and what is spare. */
const HELD_BYTES_MAX = 96 * 1024 * 1024
/**
 * Memory of batches that all readers have passed, to be used again: V8 counts every new megabyte outside its heap towards
 * the next full collection, and these came to a third of the main process's time.
 */
const SPARES_MAX = 24
/** A spare is not used for a batch that would fill less of it than this. */
const FILLED_MIN = 1 / 4

/** One partition as its readers see it. */
interface Lane {
  /** Ascending by offset, without gaps: what every reader still has before it, as far as there was room. */
  readonly kept: EncodedBatch[]
  /** The offset each reader has taken in everything below. */
  readonly passed: Map<string, number>
  /** Held by `kept`. */
  bytes: number
}

/**
 * The log's newest batches as event text, shared by all mappings: three functions read the enriched topic, and the text is
 * made once, from what was just appended rather than from the disk. Let go when the last reader has passed it. Where
 * memory runs short, the partition that holds most loses its oldest: a reader that has fallen so far behind reads the
 * log, and takes no memory from those that keep up.
 */
export class EncodedBatches {
  readonly #log: Pick<EventLog, 'read'>
  readonly #heldBytesMax: number
  readonly #lanes = new Map<string, Lane>()
  readonly #spares: Buffer[] = []
  #heldBytes = 0

  constructor(log: Pick<EventLog, 'read'>, heldBytesMax = HELD_BYTES_MAX) {
    this.#log = log
    this.#heldBytesMax = heldBytesMax
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    return this.#heldBytes
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
      const { slab } = this.#dropOldest(lane, first)
      if (this.#spares.length === SPARES_MAX) continue
      this.#spares.push(slab)
      this.#heldBytes += slab.length
    }
  }

  /** The log has taken a batch. */
  add(topic: string, partition: number, batch: StoredBatch): void {
    const lane = this.#lane(topic, partition)
    if (lane.passed.size === 0) return
    // What a reader far behind has left here makes room for one that keeps up.
    if (!continues(lane, batch) && [...lane.passed.values()].includes(batch.baseOffset)) this.#dropAll(lane)
    if (!continues(lane, batch)) return
    this.#keep(
      lane,
      encodeBatch(topic, partition, batch, (sizeBytes) => this.#memory(sizeBytes)),
    )
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
    if (continues(lane, batch)) this.#keep(lane, encoded)
    return encoded
  }

  #keep(lane: Lane, encoded: EncodedBatch): void {
    lane.kept.push(encoded)
    lane.bytes += sizeOf(encoded)
    this.#heldBytes += sizeOf(encoded)
    this.#makeRoom()
  }

  /** Of the text dropped here no memory is used again: a delivery under way may still read it. */
  #makeRoom(): void {
    while (this.#heldBytes > this.#heldBytesMax) {
      const spare = this.#spares.pop()
      if (spare === undefined) break
      this.#heldBytes -= spare.length
    }
    while (this.#heldBytes > this.#heldBytesMax) {
      const most = [...this.#lanes.values()].reduce((a, b) => (b.bytes > a.bytes ? b : a))
      const [oldest] = most.kept
      if (oldest === undefined) return
      this.#dropOldest(most, oldest)
    }
  }

  #dropAll(lane: Lane): void {
    for (let [first] = lane.kept; first !== undefined; [first] = lane.kept) this.#dropOldest(lane, first)
  }

  #dropOldest(lane: Lane, oldest: EncodedBatch): EncodedBatch {
    lane.kept.shift()
    lane.bytes -= sizeOf(oldest)
    this.#heldBytes -= sizeOf(oldest)
    return oldest
  }

  #memory(sizeBytes: number): Buffer {
    const at = this.#spares.findIndex(({ length }) => length >= sizeBytes && length * FILLED_MIN <= sizeBytes)
    const [spare] = at < 0 ? [] : this.#spares.splice(at, 1)
    if (spare === undefined) return Buffer.allocUnsafe(sizeBytes)
    this.#heldBytes -= spare.length
    return spare
  }

  #lane(topic: string, partition: number): Lane {
    const name = `${topic}-${partition}`
    const lane = this.#lanes.get(name) ?? { kept: [], passed: new Map(), bytes: 0 }
    this.#lanes.set(name, lane)
    return lane
  }
}

function continues({ kept }: Lane, { baseOffset }: StoredBatch): boolean {
  const last = kept.at(-1)
  return last === undefined || last.baseOffset + last.count === baseOffset
}

/** Memory that a batch holds, whatever its text fills of it. */
function sizeOf({ slab, bounds }: EncodedBatch): number {
  return slab.length + bounds.byteLength
}
