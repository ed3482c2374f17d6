import type { GroupedRows } from './aggregate.ts'

/** Rows and the groups they belong to, side by side: grown as needed and used again for each batch. */
export class Pairs {
  #groups = new Int32Array(1024)
  #rows = new Int32Array(1024)
  #length = 0

  reset(): this {
    this.#length = 0
    return this
  }

  push(group: number, row: number): void {
    if (this.#length === this.#groups.length) this.#grow()
    this.#groups[this.#length] = group
    this.#rows[this.#length++] = row
  }

  grouped(originOf: (row: number) => number): GroupedRows {
    return { length: this.#length, groups: this.#groups, rows: this.#rows, originOf }
  }

  #grow(): void {
    const groups = new Int32Array(this.#length * 2)
    const rows = new Int32Array(this.#length * 2)
    groups.set(this.#groups)
    rows.set(this.#rows)
    this.#groups = groups
    this.#rows = rows
  }
}
