import { PortError } from '../ports/errors.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { applyToBoard, type Board, EMPTY_BOARD, mergeBoards, type Numbered } from '../views/board.ts'
import type { View } from '../views/view.ts'
import { type BoardHead, packBoard, packHead, unpackHead } from './board-body.ts'
import { flushTail, mergedWith, readParts } from './board-parts.ts'
import { padded } from './padded.ts'
import { WarmBoards } from './warm-boards.ts'

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

/** Where boards are: an item each, and objects beside it where the board is too large for an item. */
export interface BoardStores {
  readonly keyed: KeyedStore
  readonly objects: ObjectStore
}

export interface BoardOptions {
  /** Keys of the boards kept in memory between batches, together. */
  readonly warmKeysMax?: number
  /** Above it what an item holds becomes an object. */
  readonly inlineBytesMax?: number
}

const TRIES_MAX = 20
/**
 * Above it the tail of a board becomes a part. An item is written anew with each batch and paid for by the kilobyte, an
 * object once: eight kilobytes of DynamoDB writes cost about as much as one put to S3.
 */
const INLINE_BYTES_MAX = 8 * 1024
/** Keys of warm boards together: some hundred bytes each. */
const WARM_KEYS_MAX = 300_000
/** Merges of more keys than this take turns. */
const LARGE_MERGE_KEYS = 16_384
/** Boards that a reader of many asks for at once. */
const READ_AHEAD = 8
const NONE: BoardHead = { parts: [], tail: EMPTY_BOARD }

/**
 * The boards of speed views (docs/decisions/boards-in-parts.md).
 *
 * A board is one item, replaced under the condition that its mark, the item's `rev`, is still the one the new board was
 * built on. A warm copy may be stale, because partitions move between environments; the condition finds that out and the
 * stored board comes back. A board too large for an item is a log-structured merge: the item holds what the newest records
 * make, and lists immutable objects that hold the rest. They are put before the item that lists them, under names nobody
 * else has: so the item stays the one conditional write, whatever is merged, and an object that no item lists is an
 * orphan no reader sees. A writer needs the item alone, and writes about as much as its batch has keys.
 */
export class BoardStore {
  readonly #stores: BoardStores
  readonly #inlineBytesMax: number
  readonly #warm: WarmBoards
  #merging: Promise<unknown> = Promise.resolve()

  constructor(stores: BoardStores, options: BoardOptions = {}) {
    const { inlineBytesMax = INLINE_BYTES_MAX, warmKeysMax = WARM_KEYS_MAX } = options
    this.#stores = stores
    this.#inlineBytesMax = Math.min(inlineBytesMax, stores.keyed.maxItemBytes)
    this.#warm = new WarmBoards(warmKeysMax)
  }

  /**
   * Applies the entries above the board's mark and stores it. `entries`: all of one batch for this board, in origin order.
   * Resolves with a state the board has had in which they are.
   */
  async apply(view: View, key: BoardKey, entries: readonly Numbered[]): Promise<BoardHead> {
    const { keyed } = this.#stores
    const pk = boardsKey(view)
    const sk = sortKey(key)
    const warmKey = `${pk} ${sk}`
    let head = this.#warm.get(warmKey) ?? NONE
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const tail = applyToBoard(view, head.tail, entries)
      if (tail === head.tail) return head
      const next = await this.#fitted(view, pk, sk, head.tail.mark, { parts: head.parts, tail })
      if ('moved' in next) {
        head = headOf(view, next.moved)
        continue
      }
      const condition = head.tail.mark < 0 ? 'absent' : { rev: String(head.tail.mark) }
      const result = await keyed.put({ pk, sk, rev: String(tail.mark), data: next.data }, condition)
      if (result.ok) {
        this.#warm.keep(warmKey, next.head)
        return next.head
      }
      head = headOf(view, result.current)
    }
    throw changing(pk, sk, 'write')
  }

  /** The head as it is to be put; or the item that stands now where it is not the one of mark `before`. */
  async #fitted(
    view: View,
    pk: string,
    sk: string,
    before: number,
    head: BoardHead,
  ): Promise<{ readonly head: BoardHead; readonly data: Uint8Array } | { readonly moved: Item | undefined }> {
    const { keyed, objects } = this.#stores
    const body = packBoard(view, head.tail)
    const data = packHead(head.parts, body)
    if (data.length <= this.#inlineBytesMax) return { head, data }
    // A part put for a board that has moved on is put in vain, so look first.
    const current = await keyed.get(pk, sk)
    if (!standsAt(current, before)) return { moved: current }
    const flush = () => flushTail(objects, view, sk, head, body)
    const flushed = await (isLargeMerge(head) ? this.#inTurn(flush) : flush())
    if (flushed !== undefined)
      return { head: flushed, data: packHead(flushed.parts, packBoard(view, flushed.tail)) }
    const read = await keyed.get(pk, sk)
    if (standsAt(read, before)) throw missing(pk, sk)
    return { moved: read }
  }

  /** Boards are written several at once, but large merges one after the other: each holds the keys of all its parts. */
  #inTurn<T>(merge: () => Promise<T>): Promise<T> {
    const turn = this.#merging.then(merge)
    this.#merging = turn.catch(() => undefined)
    return turn
  }
}

function isLargeMerge({ parts, tail }: BoardHead): boolean {
  const due = mergedWith(parts, tail.keys.size)
  return parts.slice(parts.length - due).reduce((sum, { keys }) => sum + keys, 0) > LARGE_MERGE_KEYS
}

function standsAt(item: Item | undefined, mark: number): boolean {
  return (item?.rev ?? '-1') === String(mark)
}

function headOf(view: View, item: Item | undefined): BoardHead {
  return item === undefined ? NONE : unpackHead(view, item.data)
}

export interface BoardRange {
  /** Slots that start in [from, to), ms. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Boards of earlier epochs are passed over. */
  readonly epochFrom?: number | undefined
  /** Boards of other partitions are passed over too, undecoded. */
  readonly at?: Pick<BoardKey, 'topic' | 'partition'> | undefined
  /** As they stand in the view: others are left out of the boards. */
  readonly keys?: ReadonlySet<string> | undefined
}

/** The stored boards of a view in a range, in order of slot. */
export async function* readBoards(
  stores: BoardStores,
  view: View,
  range: BoardRange = {},
): AsyncGenerator<StoredBoard> {
  yield* boardsOfItems(stores, view, wantedItems(stores.keyed, view, range), range.keys)
}

/** The boards of items as they were read, in the same order; one that was replaced since may come as it stands now. */
export async function* boardsOfItems(
  stores: BoardStores,
  view: View,
  items: AsyncIterable<Item> | Iterable<Item>,
  keys?: ReadonlySet<string>,
): AsyncGenerator<StoredBoard> {
  const ahead: Promise<StoredBoard | undefined>[] = []
  const next = async () => ahead.shift()
  for await (const item of items) {
    const reading = storedBoard(stores, view, item, keys)
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

/** Of each board of a range its partition, as `placeOfBoard` names it, and the item, not decoded. */
export async function* readBoardItems(
  keyed: KeyedStore,
  view: View,
  range: BoardRange,
): AsyncGenerator<{ readonly place: string; readonly item: () => Item }> {
  for await (const one of wantedItems(keyed, view, range))
    yield {
      place: one.sk.split('/').slice(2).join('/'),
      item: () => ({ pk: one.pk, sk: one.sk, rev: one.rev, data: one.data }),
    }
}

/** How a board's name says of which partition it is. */
export function placeOfBoard({ topic, partition }: Pick<BoardKey, 'topic' | 'partition'>): string {
  return `${topic}/${padded(partition)}`
}

async function* wantedItems(keyed: KeyedStore, view: View, range: BoardRange): AsyncGenerator<Item> {
  const keys = { from: padded(range.from ?? 0), ...(range.to === undefined ? {} : { to: padded(range.to) }) }
  for await (const item of keyed.query(boardsKey(view), keys)) if (isWanted(item.sk, range)) yield item
}

/** The heads of a view's boards in a range, in order of slot; their parts are not read. */
export async function* readHeads(
  keyed: KeyedStore,
  view: View,
  range: BoardRange,
): AsyncGenerator<BoardKey & { readonly head: BoardHead }> {
  for await (const item of wantedItems(keyed, view, range))
    yield { ...keyOf(view, item), head: unpackHead(view, item.data, range.keys) }
}

/** By the name alone: what an item holds may be much to decode. */
function isWanted(sk: string, { epochFrom = 0, at }: BoardRange): boolean {
  if (at !== undefined && !sk.endsWith(`/${placeOfBoard(at)}`)) return false
  return epochFrom === 0 || Number(sk.split('/')[1]) >= epochFrom
}

async function storedBoard(
  stores: BoardStores,
  view: View,
  item: Item,
  wanted: ReadonlySet<string> | undefined,
): Promise<StoredBoard | undefined> {
  const key = keyOf(view, item)
  const board = await boardOf(stores, view, item, wanted)
  return board === undefined ? undefined : { ...key, board }
}

function keyOf(view: View, item: Item): BoardKey {
  const [slot, epoch, topic, partition] = item.sk.split('/')
  if (slot === undefined || epoch === undefined || topic === undefined || partition === undefined)
    throw new PortError('CORRUPT', `board key ${item.sk} of view ${view.id}`, { curable: false })
  return { slot: Number(slot), epoch: Number(epoch), topic, partition: Number(partition) }
}

/**
 * The board of an item, or the one that has replaced it where a part was swept meanwhile; undefined where none stands.
 * Throws a PortError CORRUPT where a part is missing or not the one that was put.
 */
async function boardOf(
  { keyed, objects }: BoardStores,
  view: View,
  item: Item,
  wanted: ReadonlySet<string> | undefined,
): Promise<Board | undefined> {
  let now: Item | undefined = item
  for (let attempt = 0; attempt < TRIES_MAX && now !== undefined; attempt++) {
    const { parts, tail } = unpackHead(view, now.data, wanted)
    const boards = await readParts(objects, view, now.sk, parts, wanted)
    if (boards !== undefined) return { mark: tail.mark, keys: mergeBoards(view, [...boards, tail]) }
    const read: Item | undefined = await keyed.get(now.pk, now.sk)
    if (read?.rev === now.rev) throw missing(now.pk, now.sk)
    now = read
  }
  if (now === undefined) return undefined
  throw changing(now.pk, now.sk, 'read')
}

function missing(pk: string, sk: string): PortError {
  return new PortError('CORRUPT', `an object that board ${pk} ${sk} lists is missing`, { curable: false })
}

function changing(pk: string, sk: string, what: 'read' | 'write'): PortError {
  const message = `board ${pk} ${sk} changed ${TRIES_MAX} times under one ${what}`
  return new PortError('THROTTLED', message, { curable: true })
}

function boardsKey(view: View): string {
  return `board/${view.id}/${view.version}`
}

/** A board's name among those of its view. */
export function sortKey({ slot, epoch, topic, partition }: BoardKey): string {
  return `${padded(slot)}/${padded(epoch)}/${topic}/${padded(partition)}`
}
