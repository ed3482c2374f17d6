/** A slot as JSON: its number, ids, and uses of each. */
export type SlotState = readonly [number: number, ids: readonly number[], counts: readonly number[]]

/** Uses of one slot, while more may come: a counter for each key, and a list of those that are not zero. */
export class OpenSlot {
  #counts = new Int32Array(1024)
  #touched = new Int32Array(1024)
  #length = 0

  add(id: number, uses: number): void {
    if (id >= this.#counts.length) this.#counts = grown(this.#counts, id + 1)
    const before = this.#counts[id] as number
    if (before === 0) {
      if (this.#length === this.#touched.length) this.#touched = grown(this.#touched, this.#length + 1)
      this.#touched[this.#length++] = id
    }
    this.#counts[id] = before + uses
  }

  toState(number: number): SlotState {
    const ids = [...this.ids()]
    return [number, ids, ids.map((id) => this.#counts[id] as number)]
  }

  ids(): Int32Array {
    return this.#touched.subarray(0, this.#length)
  }

  /** What it holds; it is empty then, and may be another slot's. */
  close(): ClosedSlot {
    const ids = this.ids().slice()
    const counts = ids.map((id) => this.#counts[id] as number)
    for (const id of ids) this.#counts[id] = 0
    this.#length = 0
    return new ClosedSlot(ids, counts)
  }

  renumbered(to: Int32Array): OpenSlot {
    const slot = new OpenSlot()
    for (const id of this.ids()) slot.add(to[id] as number, this.#counts[id] as number)
    return slot
  }
}

/** Uses of one slot by key. */
export class ClosedSlot {
  readonly ids: Int32Array
  readonly counts: Int32Array

  constructor(ids: Int32Array, counts: Int32Array) {
    this.ids = ids
    this.counts = counts
  }

  toState(number: number): SlotState {
    return [number, [...this.ids], [...this.counts]]
  }

  static fromState([, ids, counts]: SlotState): ClosedSlot {
    return new ClosedSlot(Int32Array.from(ids), Int32Array.from(counts))
  }

  /** All uses in it. */
  get uses(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }

  renumbered(to: Int32Array): ClosedSlot {
    return new ClosedSlot(
      this.ids.map((id) => to[id] as number),
      this.counts,
    )
  }
}

function grown(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(length, 2))))
  to.set(from)
  return to
}
