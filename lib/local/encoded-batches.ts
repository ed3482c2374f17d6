import type { EventLog, StoredBatch } from '../ports/event-log.ts'
import { type EncodedBatch, encodeBatch } from './kafka-event-text.ts'

const READ_BYTES = 4 * 1024 * 1024
/** Memory held at most, all partitions together: batches and text kept, and what is spare. */
const HELD_BYTES_MAX = 96 * 1024 * 1024
/**
 * Memory of batches that all readers have passed, to be used again: V8 counts every new megabyte outside its heap towards
 * the next full collection, and these came to a third of the main process's time.
 */
const SPARES_MAX = 24
/** A spare is not used for a batch that would fill less of it than this. */
const FILLED_MIN = 1 / 4

/** A batch that some reader still has before it: as the log has it until the first one asks, from then on as text. */
interface Held {
  readonly baseOffset: number
  readonly count: number
  as: { readonly stored: StoredBatch } | { readonly encoded: EncodedBatch }
}

/** One partition as its readers see it. */
interface Lane {
  /** Ascending by offset, without gaps: what every reader still has before it, as far as there was room. */
  readonly kept: Held[]
  /** The offset each reader has taken in everything below. */
  readonly passed: Map<string, number>
  /** Held by `kept`. */
  bytes: number
}

/** What a reader has room for, at least: it is given whole batches. */
export interface Wanted {
  readonly records: number
  /** Of text. */
  readonly bytes: number
}

const ALL_READ: Wanted = { records: Number.POSITIVE_INFINITY, bytes: READ_BYTES }

/**
 * The log's newest batches as event text, shared by all mappings: three functions read the enriched topic, and the text is
 * made once, from what was just appended rather than from the disk, when the first of them asks for it: what nobody has
 * asked for takes less memory as the log has it. Let go when the last reader has passed it. Where memory runs short, the partition that holds most loses its oldest: a reader that has fallen so far behind reads the
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
      const { as } = this.#dropOldest(lane, first)
      if (!('encoded' in as) || this.#spares.length === SPARES_MAX) continue
      this.#spares.push(as.encoded.slab)
      this.#heldBytes += as.encoded.slab.length
    }
  }

  /** The log has taken a batch. */
  add(topic: string, partition: number, batch: StoredBatch): void {
    const lane = this.#lane(topic, partition)
    if (lane.passed.size === 0) return
    // What a reader far behind has left here makes room for one that keeps up.
    if (!continues(lane, batch) && [...lane.passed.values()].includes(batch.baseOffset)) this.#dropAll(lane)
    if (!continues(lane, batch)) return
    this.#keep(lane, heldOf(batch))
    this.#makeRoom()
  }

  /** Batches from the one that holds `fromOffset` on: as many as are wanted, at least one unless it is the end of the log. */
  async from(
    topic: string,
    partition: number,
    fromOffset: number,
    wanted: Wanted = ALL_READ,
  ): Promise<readonly EncodedBatch[]> {
    const lane = this.#lane(topic, partition)
    const at = lane.kept.findIndex(
      ({ baseOffset, count }) => baseOffset <= fromOffset && fromOffset < baseOffset + count,
    )
    if (at >= 0) return this.#texts(topic, partition, lane.kept.slice(at), fromOffset, wanted)
    const stored = await this.#log.read(topic, partition, fromOffset, Math.min(READ_BYTES, wanted.bytes))
    const read = stored.map(heldOf)
    // Kept first, so that what is read beyond what is wanted need not be read again.
    for (const one of read) if (continues(lane, one)) this.#keep(lane, one)
    const texts = this.#texts(topic, partition, read, fromOffset, wanted)
    this.#makeRoom()
    return texts
  }

  #texts(
    topic: string,
    partition: number,
    batches: readonly Held[],
    fromOffset: number,
    wanted: Wanted,
  ): readonly EncodedBatch[] {
    const texts: EncodedBatch[] = []
    let { records, bytes } = wanted
    for (const held of batches) {
      const text = this.#text(topic, partition, held)
      texts.push(text)
      const first = Math.max(0, fromOffset - held.baseOffset)
      records -= held.count - first
      bytes -= text.bytes.length - (text.bounds[first] ?? 0)
      if (records <= 0 || bytes <= 0) break
    }
    return texts
  }

  #text(topic: string, partition: number, held: Held): EncodedBatch {
    if ('encoded' in held.as) return held.as.encoded
    const lane = this.#lane(topic, partition)
    const kept = lane.kept.includes(held)
    // Only the text of what is kept is known to be read by nobody any more once all have passed it.
    const memory = kept ? (sizeBytes: number) => this.#memory(sizeBytes) : undefined
    const encoded = encodeBatch(topic, partition, held.as.stored, memory)
    const before = sizeOf(held)
    held.as = { encoded }
    if (kept) {
      lane.bytes += sizeOf(held) - before
      this.#heldBytes += sizeOf(held) - before
      this.#makeRoom()
    }
    return encoded
  }

  #keep(lane: Lane, held: Held): void {
    lane.kept.push(held)
    lane.bytes += sizeOf(held)
    this.#heldBytes += sizeOf(held)
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

  #dropOldest(lane: Lane, oldest: Held): Held {
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

function heldOf(stored: StoredBatch): Held {
  return { baseOffset: stored.baseOffset, count: stored.records.count, as: { stored } }
}

function continues({ kept }: Lane, { baseOffset }: Pick<StoredBatch, 'baseOffset'>): boolean {
  const last = kept.at(-1)
  return last === undefined || last.baseOffset + last.count === baseOffset
}

/** Memory that a batch holds, whatever its text fills of it. */
function sizeOf({ as }: Held): number {
  return 'stored' in as
    ? as.stored.records.bytes.length
    : as.encoded.slab.length + as.encoded.bounds.byteLength
}
