import { randomBytes } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type Board, EMPTY_BOARD, mergeBoards } from '../views/board.ts'
import type { View } from '../views/view.ts'
import { type BoardHead, type BoardPart, packBoard, unpackBoard } from './board-body.ts'
import { padded } from './padded.ts'

/** So many parts of about the same size become one: a record's state is written again once for each fourfold. */
const FAN_OUT = 4
/** Parts are not merged to more keys than this: some hundred bytes of memory each while they are. */
const MERGED_KEYS_MAX = 131_072
const READS_AT_ONCE = 8

/** Where a board's parts lie: `board/<stream>/<view>/<version>/<sort key>/<mark>-<unique>`. */
export function partKey(view: Pick<View, 'id' | 'version'>, sk: string, name: string): string {
  return `board/${view.id.replace('.', '/')}/${view.version}/${sk}/${name}`
}

/**
 * The head with its tail (packed: `body`) put as a part, and an empty tail; as many of the newest parts are merged into
 * it as are due.
 * Undefined where one of them is gone, which means that the board has moved on. Parts get names that nothing had before:
 * what had one may be on its way out.
 */
export async function flushTail(
  objects: ObjectStore,
  view: View,
  sk: string,
  { parts, tail }: BoardHead,
  body: Uint8Array,
): Promise<BoardHead | undefined> {
  const due = mergedWith(parts, tail.keys.size)
  const kept = parts.slice(0, parts.length - due)
  const merged = await readParts(objects, view, sk, parts.slice(kept.length))
  if (merged === undefined) return undefined
  const board = { mark: tail.mark, keys: mergeBoards(view, [...merged, tail]) }
  const part = { name: `${padded(tail.mark)}-${randomBytes(6).toString('hex')}`, keys: board.keys.size }
  await objects.put(partKey(view, sk, part.name), due === 0 ? body : packBoard(view, board))
  return { parts: [...kept, part], tail: { ...EMPTY_BOARD, mark: tail.mark } }
}

/**
 * How many of the newest parts are to be merged with one of `keys` keys: tiers of a log-structured merge. As many as make
 * a tier full, and of the next tier where that fills it in turn.
 */
export function mergedWith(parts: readonly BoardPart[], keys: number): number {
  let due = 0
  let sum = keys
  for (;;) {
    const tier = tierOf(sum)
    let run = due
    let runSum = sum
    while (run < parts.length) {
      const before = parts[parts.length - 1 - run] as BoardPart
      if (tierOf(before.keys) > tier) break
      runSum += before.keys
      run++
    }
    // What is merged so far counts as one part of its tier.
    if (run - due + 1 < FAN_OUT || runSum > MERGED_KEYS_MAX) return due
    due = run
    sum = runSum
  }
}

function tierOf(keys: number): number {
  return Math.floor(Math.log(Math.max(1, keys)) / Math.log(FAN_OUT))
}

/** Undefined where one of them is gone. Rejects with CORRUPT where one is not what was put. `wanted`: other keys are left out. */
export async function readParts(
  objects: ObjectStore,
  view: View,
  sk: string,
  parts: readonly BoardPart[],
  wanted?: ReadonlySet<string>,
): Promise<readonly Board[] | undefined> {
  const boards: Board[] = []
  for (let i = 0; i < parts.length; i += READS_AT_ONCE) {
    const some = parts.slice(i, i + READS_AT_ONCE)
    for (const board of await Promise.all(some.map((part) => readPart(objects, view, sk, part, wanted)))) {
      if (board === undefined) return undefined
      boards.push(board)
    }
  }
  return boards
}

/** As `readParts`, of one. */
export async function readPart(
  objects: ObjectStore,
  view: View,
  sk: string,
  { name }: BoardPart,
  wanted: ReadonlySet<string> | undefined,
): Promise<Board | undefined> {
  const key = partKey(view, sk, name)
  const stored = await objects.get(key)
  if (stored === undefined) return undefined
  const board = unpackBoard(view, stored.bytes, wanted)
  if (board.mark === Number(name.split('-')[0])) return board
  throw new PortError('CORRUPT', `the object ${key} holds mark ${board.mark}, its name says another`, {
    curable: false,
  })
}
