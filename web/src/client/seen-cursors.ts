/** The cursors of the last frames of a channel. A push may come twice; its cursor is the same then. */
export class SeenCursors {
  readonly #seen = new Set<string>()
  readonly #limit: number

  constructor(limit = 256) {
    this.#limit = limit
  }

  has(cursor: string): boolean {
    return this.#seen.has(cursor)
  }

  /** True the first time. */
  add(cursor: string): boolean {
    if (this.#seen.has(cursor)) return false
    this.#seen.add(cursor)
    if (this.#seen.size > this.#limit) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest)
        break
      }
    }
    return true
  }
}
