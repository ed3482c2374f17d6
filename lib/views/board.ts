import type { Entry } from '../stream/entry.ts'
import type { States, StatesFold, View } from './view.ts'

/**
 * The unit of a speed view (docs/exactness.md, rule 5): all keys of one view version, slot, epoch and partition, and the
 * highest origin that is in them. Whoever replaces a board applies exactly the entries above its mark, so applying
 * any batch any number of times, by any number of writers, gives the same board.
 */
export interface Board {
  /** Highest raw offset applied; -1: none. */
  readonly mark: number
  readonly keys: ReadonlyMap<string, States>
}

export const EMPTY_BOARD: Board = { mark: -1, keys: new Map() }

/** An entry with the raw offset it stands for and the keys it feeds (`view.keysOf`), found once for all attempts. */
export interface Numbered {
  readonly origin: number
  readonly entry: Entry
  readonly keys: readonly string[]
}

/** The board with the entries above its mark applied. `entries`: those of this board, in origin order. */
export function applyToBoard(view: View, board: Board, entries: readonly Numbered[]): Board {
  const folds = new Map<string, StatesFold>()
  const row = view.row()
  let { mark } = board
  for (const { origin, entry, keys } of entries) {
    if (origin <= mark) continue
    mark = origin
    row.set(entry)
    for (const key of keys) foldOf(view, board, folds, key).add(row)
  }
  if (mark === board.mark) return board
  const states = new Map(board.keys)
  for (const [key, fold] of folds) states.set(key, fold.states())
  return { mark, keys: states }
}

/** Begun where the board leaves the key, once for all entries: states may be some kilobytes. */
function foldOf(view: View, board: Board, folds: Map<string, StatesFold>, key: string): StatesFold {
  const begun = folds.get(key)
  if (begun !== undefined) return begun
  const fold = view.fold(board.keys.get(key) ?? view.empty)
  folds.set(key, fold)
  return fold
}

/** The keys of boards of one place, each of which holds other records: what a board of all of them would hold. */
export function mergeBoards(view: View, boards: readonly Board[]): ReadonlyMap<string, States> {
  const [only, ...more] = boards
  if (only !== undefined && more.length === 0) return only.keys
  const keys = new Map<string, States>()
  for (const board of boards)
    for (const [key, states] of board.keys) {
      const before = keys.get(key)
      keys.set(key, before === undefined ? states : view.merge(before, states))
    }
  return keys
}

const FORM = 2

/**
 * The board's stored form: `{"form":2,"mark":M,"keys":[key,[states],key,[states],...]}` as UTF-8. A list, because an object
 * of a hundred thousand keys takes three times as long to parse and five times to write.
 */
export function boardToBytes(view: View, board: Board): Uint8Array {
  const keys: unknown[] = []
  for (const [key, states] of board.keys) keys.push(key, view.toJson(states))
  return Buffer.from(JSON.stringify({ form: FORM, mark: board.mark, keys }))
}

/** Throws a TypeError on bytes that are not a board of this view. `wanted`: other keys are left out, at a third of the cost. */
export function boardFromBytes(view: View, bytes: Uint8Array, wanted?: ReadonlySet<string>): Board {
  const json = parsed(bytes)
  if (!isBoardJson(json)) throw new TypeError(`view ${view.id}: stored board is not of form ${FORM}`)
  const keys = new Map<string, States>()
  for (let i = 0; i < json.keys.length; i += 2) {
    const key = json.keys[i]
    if (wanted !== undefined && !wanted.has(key as string)) continue
    if (typeof key !== 'string' || keys.has(key))
      throw new TypeError(`view ${view.id}: a stored board has a key twice, or one that is no text`)
    keys.set(key, view.fromJson(json.keys[i + 1]))
  }
  return { mark: json.mark, keys }
}

/** Undefined for what is no JSON: the parser's own message would quote keys, which are values of records, into logs. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

function isBoardJson(json: unknown): json is { form: number; mark: number; keys: readonly unknown[] } {
  if (typeof json !== 'object' || json === null) return false
  const { form, mark, keys } = json as Record<string, unknown>
  return form === FORM && Number.isSafeInteger(mark) && Array.isArray(keys) && keys.length % 2 === 0
}
