import type { BoardHead } from './board-body.ts'

/** The heads of the boards last written, as many as hold some number of keys together. */
export class WarmBoards {
  readonly #heads = new Map<string, BoardHead>()
  readonly #keysMax: number
  #keys = 0

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  get(id: string): BoardHead | undefined {
    return this.#heads.get(id)
  }

  keep(id: string, head: BoardHead): void {
    this.#drop(id)
    this.#heads.set(id, head)
    this.#keys += weightOf(head)
    for (const oldest of this.#heads.keys()) {
      if (this.#keys <= this.#keysMax || oldest === id) return
      this.#drop(oldest)
    }
  }

  #drop(id: string): void {
    const head = this.#heads.get(id)
    if (head === undefined) return
    this.#heads.delete(id)
    this.#keys -= weightOf(head)
  }
}

/** An empty or small board costs memory too: as much as some dozen keys. */
function weightOf({ tail, parts }: BoardHead): number {
  return tail.keys.size + parts.length + 16
}
