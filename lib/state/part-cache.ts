import type { ObjectStore } from '../ports/object-store.ts'
import type { Board } from '../views/board.ts'
import type { View } from '../views/view.ts'
import type { BoardPart } from './board-body.ts'
import { partKey, readPart } from './board-parts.ts'

/** Keys of the parts kept, together: some hundred bytes each. */
const KEYS_MAX = 200_000

/** Parts of boards, for who asks for keys of the same ones with each batch. They are immutable, and so never stale. */
export class PartCache {
  readonly #objects: ObjectStore
  readonly #keysMax: number
  readonly #boards = new Map<string, Board>()
  #keys = 0

  constructor(objects: ObjectStore, keysMax = KEYS_MAX) {
    this.#objects = objects
    this.#keysMax = keysMax
  }

  /** The part, with the wanted keys at least; undefined where it is gone. Rejects as `readPart` does. */
  async read(
    view: View,
    sk: string,
    part: BoardPart,
    wanted: ReadonlySet<string>,
  ): Promise<Board | undefined> {
    // One that would drive out most others is read for its keys alone.
    if (part.keys > this.#keysMax / 4) return readPart(this.#objects, view, sk, part, wanted)
    const id = partKey(view, sk, part.name)
    const board = this.#boards.get(id) ?? (await readPart(this.#objects, view, sk, part, undefined))
    if (board !== undefined) this.#keep(id, board)
    return board
  }

  #keep(id: string, board: Board): void {
    const size = board.keys.size + 16
    if (this.#boards.delete(id)) this.#keys -= size
    this.#boards.set(id, board)
    this.#keys += size
    for (const [oldest, { keys }] of this.#boards) {
      if (this.#keys <= this.#keysMax || oldest === id) return
      this.#boards.delete(oldest)
      this.#keys -= keys.size + 16
    }
  }
}
