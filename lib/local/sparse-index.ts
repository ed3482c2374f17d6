/** An index entry about every so many bytes: what a read may have to skip, and what it reads on top of what was asked. */
export const INDEX_EVERY_BYTES = 64 * 1024

export interface IndexEntry {
  readonly offset: number
  readonly position: number
}

/** Where some of a segment's frames begin. Any frame begins less than 64 KiB behind the entry `floor` gives for it. */
export class SparseIndex {
  readonly #offsets: number[] = []
  readonly #positions: number[] = []

  /** Tells of a frame; it is kept if it lies far enough from the last one kept. */
  add(offset: number, position: number): void {
    const last = this.#positions.at(-1)
    if (last !== undefined && position - last < INDEX_EVERY_BYTES) return
    this.#offsets.push(offset)
    this.#positions.push(position)
  }

  /** The last entry at or below `offset`. */
  floor(offset: number): IndexEntry | undefined {
    let low = 0
    let high = this.#offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#offsets[middle] ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    const at = this.#offsets[low - 1]
    const position = this.#positions[low - 1]
    return at === undefined || position === undefined ? undefined : { offset: at, position }
  }
}
