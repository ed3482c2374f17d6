import type { EventLog } from '../ports/event-log.ts'
import { type EncodedBatch, encodeBatch } from './kafka-event-text.ts'

const READ_BYTES = 4 * 1024 * 1024

/**
 * The newest batches of the log as event text, shared by all mappings: three functions read the enriched topic, and the
 * text is made once. A reader that has fallen behind what is kept reads the log again.
 */
export class EncodedBatches {
  readonly #log: Pick<EventLog, 'read'>
  readonly #bytesMax: number
  /** By "topic-partition", ascending by offset, without gaps. */
  readonly #kept = new Map<string, EncodedBatch[]>()
  #bytes = 0

  constructor(log: Pick<EventLog, 'read'>, bytesMax = 96 * 1024 * 1024) {
    this.#log = log
    this.#bytesMax = bytesMax
  }

  /** Batches from the one that holds `fromOffset` on: some of them, at least one unless it is the end of the log. */
  async from(topic: string, partition: number, fromOffset: number): Promise<readonly EncodedBatch[]> {
    const name = `${topic}-${partition}`
    const kept = this.#kept.get(name) ?? []
    const at = kept.findIndex(
      ({ baseOffset, count }) => baseOffset <= fromOffset && fromOffset < baseOffset + count,
    )
    const known = at < 0 ? [] : kept.slice(at)
    if (known.reduce((sum, { bytes }) => sum + bytes.length, 0) > READ_BYTES) return known
    const last = known.at(-1)
    const next = last === undefined ? fromOffset : last.baseOffset + last.count
    const stored = await this.#log.read(topic, partition, next, READ_BYTES)
    const fresh = stored.map((batch) => encodeBatch(topic, partition, batch))
    this.#keep(name, fresh)
    return [...known, ...fresh]
  }

  #keep(name: string, fresh: readonly EncodedBatch[]): void {
    const kept = this.#kept.get(name) ?? []
    for (const batch of fresh) {
      const last = kept.at(-1)
      // Only what continues is kept: a reader far behind must not drive out what the others are about to read.
      if (last !== undefined && last.baseOffset + last.count !== batch.baseOffset) continue
      kept.push(batch)
      this.#bytes += batch.bytes.length
    }
    this.#kept.set(name, kept)
    while (this.#bytes > this.#bytesMax) if (!this.#dropOldest()) break
  }

  /** Drops the oldest batch of the partition that holds most. */
  #dropOldest(): boolean {
    let fullest: EncodedBatch[] | undefined
    for (const kept of this.#kept.values()) if (kept.length > (fullest?.length ?? 0)) fullest = kept
    const dropped = fullest?.shift()
    this.#bytes -= dropped?.bytes.length ?? 0
    return dropped !== undefined
  }
}
