import { PortError } from '../ports/errors.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import {
  applyToBoard,
  type Board,
  boardFromBytes,
  boardToBytes,
  EMPTY_BOARD,
  type Numbered,
} from '../views/board.ts'
import type { View } from '../views/view.ts'
import { padded } from './padded.ts'

/** Which board: of one view version, the slot, epoch and partition its records share. */
export interface BoardKey {
  /** Start of the slot, ms. */
  readonly slot: number
  readonly epoch: number
  /** Raw topic, whose offsets the board's mark counts. */
  readonly topic: string
  readonly partition: number
}

export interface StoredBoard extends BoardKey {
  readonly board: Board
}

const TRIES_MAX = 20

/**
 * The boards of speed views in the keyed store, with those last written kept warm. A warm copy may be stale, because
 * partitions move between environments; the condition on the mark finds that out and the stored board comes back.
 */
export class BoardStore {
  readonly #keyed: KeyedStore
  readonly #warm = new Map<string, Board>()
  readonly #warmMax: number

  constructor(keyed: KeyedStore, warmMax = 4096) {
    this.#keyed = keyed
    this.#warmMax = warmMax
  }

  /** Applies the entries above the board's mark and stores it. `entries`: all of one batch for this board, in origin order. */
  async apply(view: View, key: BoardKey, entries: readonly Numbered[]): Promise<void> {
    const pk = partitionKey(view)
    const sk = sortKey(key)
    const warmKey = `${pk} ${sk}`
    let board = this.#warm.get(warmKey) ?? EMPTY_BOARD
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const next = applyToBoard(view, board, entries)
      if (next === board) return
      const condition = board.mark < 0 ? 'absent' : { rev: String(board.mark) }
      const item = { pk, sk, rev: String(next.mark), data: boardToBytes(view, next) }
      const result = await this.#keyed.put(item, condition)
      if (result.ok) return this.#keepWarm(warmKey, next)
      board = result.current === undefined ? EMPTY_BOARD : boardFromBytes(view, result.current.data)
    }
    throw new PortError('THROTTLED', `board ${pk} ${sk} changed ${TRIES_MAX} times under one write`, {
      curable: true,
    })
  }

  #keepWarm(warmKey: string, board: Board): void {
    this.#warm.delete(warmKey)
    this.#warm.set(warmKey, board)
    if (this.#warm.size <= this.#warmMax) return
    const [oldest] = this.#warm.keys()
    if (oldest !== undefined) this.#warm.delete(oldest)
  }
}

/** The stored boards of a view whose slots start in [from, to), in order of slot. */
export async function* readBoards(
  keyed: KeyedStore,
  view: View,
  range: { readonly from?: number | undefined; readonly to?: number | undefined } = {},
): AsyncGenerator<StoredBoard> {
  const keys = { from: padded(range.from ?? 0), ...(range.to === undefined ? {} : { to: padded(range.to) }) }
  for await (const item of keyed.query(partitionKey(view), keys)) yield stored(view, item)
}

function stored(view: View, item: Item): StoredBoard {
  const [slot, epoch, topic, partition] = item.sk.split('/')
  if (slot === undefined || epoch === undefined || topic === undefined || partition === undefined)
    throw new PortError('CORRUPT', `board key ${item.sk} of view ${view.id}`, { curable: false })
  return {
    slot: Number(slot),
    epoch: Number(epoch),
    topic,
    partition: Number(partition),
    board: boardFromBytes(view, item.data),
  }
}

function partitionKey(view: View): string {
  return `board/${view.id}/${view.version}`
}

function sortKey({ slot, epoch, topic, partition }: BoardKey): string {
  return `${padded(slot)}/${padded(epoch)}/${topic}/${padded(partition)}`
}
