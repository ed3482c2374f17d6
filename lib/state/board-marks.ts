import type { KeyedStore } from '../ports/keyed-store.ts'
import type { View } from '../views/view.ts'

/** The mark of one stored board, without what is on it. */
export interface BoardMark {
  /** Raw topic. */
  readonly topic: string
  readonly partition: number
  /** Highest raw offset on the board: its item's `rev` (boards.ts). */
  readonly mark: number
}

/** The marks of a view's boards with the newest slots, at most `limit` of them. */
export async function* newestMarks(keyed: KeyedStore, view: View, limit: number): AsyncGenerator<BoardMark> {
  const items = keyed.query(`board/${view.id}/${view.version}`, { descending: true, limit })
  for await (const { sk, rev } of items) {
    const [, , topic = '', partition] = sk.split('/')
    yield { topic, partition: Number(partition), mark: Number(rev) }
  }
}
