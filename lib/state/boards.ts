import { randomUUID } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { applyToBoard, type Board, EMPTY_BOARD, type Numbered } from '../views/board.ts'
import type { View } from '../views/view.ts'
import { type BoardPointer, packBoard, readPointer, unpackBoard, writePointer } from './board-body.ts'
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

/** Where boards are: an item each, and an object beside it where the board is too large for an item. */
export interface BoardStores {
  readonly keyed: KeyedStore
  readonly objects: ObjectStore
}

const TRIES_MAX = 20
/** Above it a body is an object: an item is written, read and paid for by its size, an object by the request. */
const INLINE_BYTES_MAX = 32 * 1024
/** Keys of warm boards together: with the copies made while one is written, some 300 MB. */
const WARM_KEYS_MAX = 300_000
/** Objects that a reader of many boards asks for at once. */
const READ_AHEAD = 8

/**
 * The boards of speed views, with those last written kept warm. A warm copy may be stale, because partitions move between
 * environments; the condition on the mark finds that out and the stored board comes back.
 *
 * A board is one item, replaced under the condition that its mark, the item's `rev`, is still the one the new board was
 * built on. The body of a large board is an object under a name nobody else has, put before the item that points to
 * it: so the item stays the one conditional write, and a body that no item points to is an orphan no reader sees.
 */
export class BoardStore {
  readonly #stores: BoardStores
  readonly #inlineBytesMax: number
  readonly #warm: WarmBoards

  constructor(stores: BoardStores, warmKeysMax = WARM_KEYS_MAX) {
    this.#stores = stores
    this.#inlineBytesMax = Math.min(INLINE_BYTES_MAX, stores.keyed.maxItemBytes)
    this.#warm = new WarmBoards(warmKeysMax)
  }

  /** Applies the entries above the board's mark and stores it. `entries`: all of one batch for this board, in origin order. */
  async apply(view: View, key: BoardKey, entries: readonly Numbered[]): Promise<void> {
    const { keyed } = this.#stores
    const pk = boardsKey(view)
    const sk = sortKey(key)
    const warmKey = `${pk} ${sk}`
    let board = this.#warm.get(warmKey) ?? EMPTY_BOARD
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const next = applyToBoard(view, board, entries)
      if (next === board) return
      let data = packBoard(view, next)
      if (data.length > this.#inlineBytesMax) {
        // A body put for a board that has moved on is put in vain, so look first.
        const current = await keyed.get(pk, sk)
        if ((current?.rev ?? '-1') !== String(board.mark)) {
          board = await this.#boardOf(view, current)
          continue
        }
        data = writePointer(await this.#putBody(view, sk, next.mark, data))
      }
      const condition = board.mark < 0 ? 'absent' : { rev: String(board.mark) }
      const result = await keyed.put({ pk, sk, rev: String(next.mark), data }, condition)
      if (result.ok) return this.#warm.keep(warmKey, next)
      board = await this.#boardOf(view, result.current)
    }
    throw new PortError('THROTTLED', `board ${pk} ${sk} changed ${TRIES_MAX} times under one write`, {
      curable: true,
    })
  }

  async #boardOf(view: View, item: Item | undefined): Promise<Board> {
    return item === undefined ? EMPTY_BOARD : ((await boardOf(this.#stores, view, item)) ?? EMPTY_BOARD)
  }

  /** Never under a name that was there before: what is there may be on its way out. */
  async #putBody(view: View, sk: string, mark: number, body: Uint8Array): Promise<BoardPointer> {
    const object = `board/${view.id.replace('.', '/')}/${view.version}/${sk}/${padded(mark)}-${randomUUID()}`
    await this.#stores.objects.put(object, body)
    return { mark, object }
  }
}

/** The boards last written, as many as hold some number of keys together. */
class WarmBoards {
  readonly #boards = new Map<string, Board>()
  readonly #keysMax: number
  #keys = 0

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  get(id: string): Board | undefined {
    return this.#boards.get(id)
  }

  keep(id: string, board: Board): void {
    this.#drop(id)
    this.#boards.set(id, board)
    this.#keys += weightOf(board)
    for (const oldest of this.#boards.keys()) {
      if (this.#keys <= this.#keysMax || oldest === id) return
      this.#drop(oldest)
    }
  }

  #drop(id: string): void {
    const board = this.#boards.get(id)
    if (board === undefined) return
    this.#boards.delete(id)
    this.#keys -= weightOf(board)
  }
}

/** An empty or small board costs memory too: as much as some dozen keys. */
function weightOf({ keys }: Board): number {
  return keys.size + 16
}

export interface BoardRange {
  /** Slots that start in [from, to), ms. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Boards of earlier epochs are passed over. */
  readonly epochFrom?: number | undefined
}

/** The stored boards of a view in a range, in order of slot. */
export async function* readBoards(
  stores: BoardStores,
  view: View,
  range: BoardRange = {},
): AsyncGenerator<StoredBoard> {
  const keys = { from: padded(range.from ?? 0), ...(range.to === undefined ? {} : { to: padded(range.to) }) }
  const ahead: Promise<StoredBoard | undefined>[] = []
  const next = async () => ahead.shift()
  const { epochFrom = 0 } = range
  for await (const item of stores.keyed.query(boardsKey(view), keys)) {
    if (epochFrom > 0 && Number(item.sk.split('/')[1]) < epochFrom) continue
    const reading = storedBoard(stores, view, item)
    // Whoever awaits it sees a failure; a reader that stops before must not bring the process down.
    reading.catch(() => undefined)
    ahead.push(reading)
    const found = ahead.length > READ_AHEAD ? await next() : undefined
    if (found !== undefined) yield found
  }
  while (ahead.length > 0) {
    const found = await next()
    if (found !== undefined) yield found
  }
}

async function storedBoard(stores: BoardStores, view: View, item: Item): Promise<StoredBoard | undefined> {
  const [slot, epoch, topic, partition] = item.sk.split('/')
  if (slot === undefined || epoch === undefined || topic === undefined || partition === undefined)
    throw new PortError('CORRUPT', `board key ${item.sk} of view ${view.id}`, { curable: false })
  const board = await boardOf(stores, view, item)
  if (board === undefined) return undefined
  return { slot: Number(slot), epoch: Number(epoch), topic, partition: Number(partition), board }
}

/**
 * The board of an item, or the one that has replaced it where its body was swept meanwhile; undefined where none stands.
 * Throws a PortError CORRUPT where the body is missing or not the one that was put.
 */
async function boardOf({ keyed, objects }: BoardStores, view: View, item: Item): Promise<Board | undefined> {
  let now: Item | undefined = item
  for (let attempt = 0; attempt < TRIES_MAX && now !== undefined; attempt++) {
    const pointer = readPointer(now.data)
    if (pointer === undefined) return unpackBoard(view, now.data)
    const body = await objects.get(pointer.object)
    if (body !== undefined) return bodyOf(view, pointer, body.bytes)
    const read: Item | undefined = await keyed.get(now.pk, now.sk)
    if (read?.rev === now.rev)
      throw new PortError('CORRUPT', `the object ${pointer.object} of a board is missing`, { curable: false })
    now = read
  }
  if (now === undefined) return undefined
  throw new PortError('THROTTLED', `board ${now.pk} ${now.sk} changed ${TRIES_MAX} times under one read`, {
    curable: true,
  })
}

function bodyOf(view: View, { mark, object }: BoardPointer, bytes: Uint8Array): Board {
  const board = unpackBoard(view, bytes)
  if (board.mark === mark) return board
  throw new PortError('CORRUPT', `the object ${object} holds mark ${board.mark}, its item says ${mark}`, {
    curable: false,
  })
}

function boardsKey(view: View): string {
  return `board/${view.id}/${view.version}`
}

function sortKey({ slot, epoch, topic, partition }: BoardKey): string {
  return `${padded(slot)}/${padded(epoch)}/${topic}/${padded(partition)}`
}
