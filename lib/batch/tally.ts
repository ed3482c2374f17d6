import { compareKeys, keyHash } from '../formats/segment-order.ts'
import type { SegmentToPack } from '../formats/segment-pack.ts'
import { SegmentWriter } from '../formats/segment-write.ts'
import { chunkMsOf } from '../state/batch-index.ts'
import { type Aggregated, ColumnAggregator, type ColumnBatch } from '../views/columns.ts'
import type { View } from '../views/view.ts'

/** Groups (key and slot) that all views of a child hold before they are packed away: some 300 MB. */
const GROUPS_MAX = 250_000
/** Fewer make many small segments. */
const GROUPS_MIN = 20_000

/** The states that some records make of one view, as segments. */
export class Tally {
  readonly #view: View
  readonly #chunkMs: number
  readonly #groupsMax: number
  readonly #aggregator: ColumnAggregator
  readonly #packed: SegmentToPack[] = []

  /** `views`: tallies that share a child's memory. */
  constructor(view: View, views = 1) {
    this.#view = view
    this.#chunkMs = chunkMsOf(view.definition.slotMs)
    this.#groupsMax = Math.max(GROUPS_MIN, Math.floor(GROUPS_MAX / views))
    this.#aggregator = new ColumnAggregator(view)
  }

  /** The batch's rows; only those numbered in `rows` where it is given. */
  add(batch: ColumnBatch, rows?: ArrayLike<number>): void {
    this.#aggregator.add(batch, rows)
    if (this.#aggregator.groups > this.#groupsMax) this.#pack()
  }

  /** Everything added, in order of chunk. A chunk comes more than once where there was too much to hold. */
  finish(): readonly SegmentToPack[] {
    this.#pack()
    return this.#packed.splice(0).sort((a, b) => a.from - b.from)
  }

  #pack(): void {
    const { slotMs } = this.#view.definition
    for (const [from, keys] of this.#chunks()) {
      const writer = new SegmentWriter({ slotMs, from })
      const ordered = [...keys].map(([key, rows]) => ({ hash: keyHash(key), key, rows }))
      ordered.sort((a, b) => compareKeys(a.hash, a.key, b.hash, b.key))
      for (const { key, rows } of ordered) {
        rows.sort((a, b) => a.slot - b.slot)
        const states = rows.map((row) => this.#view.toJson(row.states))
        writer.add({ key, slots: rows.map(({ slot }) => slot), states })
      }
      const { bytes, keys: count, rows } = writer.finish()
      this.#packed.push({ from, bytes, keys: count, rows })
    }
  }

  #chunks(): ReadonlyMap<number, ReadonlyMap<string, Aggregated[]>> {
    const chunks = new Map<number, Map<string, Aggregated[]>>()
    for (const one of this.#aggregator.take()) {
      const from = one.slot - (one.slot % this.#chunkMs)
      const chunk = chunks.get(from) ?? new Map<string, Aggregated[]>()
      if (chunk.size === 0) chunks.set(from, chunk)
      const rows = chunk.get(one.key)
      if (rows === undefined) chunk.set(one.key, [one])
      else rows.push(one)
    }
    return chunks
  }
}
