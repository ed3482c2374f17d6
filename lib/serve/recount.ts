import { type BoardKey, type BoardStores, readBoards, type StoredBoard } from '../state/boards.ts'
import type { Progress } from '../state/progress.ts'
import { coverage, readSinces, sinceId, type ViewSince } from '../state/view-since.ts'
import type { Stream } from '../stream/define.ts'
import type { Entry } from '../stream/entry.ts'
import { epochOf } from '../stream/epoch.ts'
import { fieldsOfView } from '../stream/view-definition.ts'
import { applyToBoard, type Board, EMPTY_BOARD, type Numbered } from '../views/board.ts'
import { displayKey } from '../views/key.ts'
import { compileView, type View } from '../views/view.ts'

/** A partition of the raw topic. */
export interface PartitionName {
  readonly topic: string
  readonly partition: number
}

/** What recounting a partition has shown. */
export interface RecountResult {
  /** Boards that hold exactly what the master's records make. */
  readonly agreeing: number
  /** Boards that hold records the master does not have yet, so that nothing can be said about them. */
  readonly ahead: number
  /** Boards of a view that was not counted for a while, with records from before: some of them are on the board. */
  readonly partial: number
  readonly problems: readonly { readonly where: string; readonly what: string }[]
}

interface ViewBoards {
  readonly view: View
  /** Epochs before it are the batch view's: their boards may be gone, and no query reads them. */
  readonly horizon: number
  /** What the boards hold of the partition. */
  readonly since: ViewSince
  /** Boards that records below `since.from` belong on. */
  readonly older: Set<string>
  readonly stored: Map<string, StoredBoard>
  readonly expected: Map<string, { readonly key: BoardKey; readonly board: Board }>
}

const compiled = new WeakMap<Stream, readonly View[]>()

/**
 * Runs the definition of every view over the master's entries of one partition and compares with the stored boards, to
 * the record. The two need not stand at the same record: a board holds all of its entries up to its mark, and at least
 * those up to the progress of `count`; so that many are recounted, board by board. Of a view that is newer than the
 * partition, the records from its first on are. Boards of epochs that a batch view answers for are left out.
 */
export class Recount {
  readonly #views: readonly ViewBoards[]
  readonly #counted: number
  readonly #at: PartitionName
  readonly #epochMs: number

  private constructor(views: readonly ViewBoards[], counted: number, at: PartitionName, epochMs: number) {
    this.#views = views
    this.#counted = counted
    this.#at = at
    this.#epochMs = epochMs
  }

  /** `progress`: that of `count`, read before the boards. `boardsOf`: those of the partition from a horizon on. */
  static async start(
    stores: BoardStores & { readonly epochMs: number },
    stream: Stream,
    at: PartitionName,
    progress: Progress,
    horizonOf: (view: View) => number = () => 0,
    boardsOf: (view: View) => AsyncIterable<StoredBoard> = (view) =>
      readBoards(stores, view, { at, epochFrom: horizonOf(view) }),
  ): Promise<Recount> {
    const views: ViewBoards[] = []
    for (const view of Recount.viewsOf(stream)) {
      const stored = new Map<string, StoredBoard>()
      const horizon = horizonOf(view)
      for await (const board of boardsOf(view)) stored.set(idOf(board), board)
      // Read after the boards: whatever is on them was declared before.
      const since = coverage(view, progress, (await readSinces(stores.keyed, view)).get(sinceId(at)))
      views.push({ view, horizon, since, older: new Set(), stored, expected: new Map() })
    }
    return new Recount(views, progress.highestOrigin, at, stores.epochMs)
  }

  /** Compiled once for each definition: two calls give the same views. */
  static viewsOf(stream: Stream): readonly View[] {
    const known = compiled.get(stream)
    if (known !== undefined) return known
    const views = Object.entries(stream.views).map(([name, view]) => compileView(stream.name, name, view))
    compiled.set(stream, views)
    return views
  }

  /** Fields that the views read. */
  static fieldsOf(stream: Stream): readonly string[] {
    return [...new Set(Object.values(stream.views).flatMap(fieldsOfView))]
  }

  /** Takes in the master's next entries, in order of offset. */
  add(entries: readonly Entry[]): void {
    for (const one of this.#views) for (const group of this.#groups(one, entries)) addGroup(one, group)
  }

  #groups({ view, horizon, since, older, stored }: ViewBoards, entries: readonly Entry[]) {
    const groups = new Map<string, { readonly key: BoardKey; readonly entries: Numbered[] }>()
    for (const entry of entries) {
      const epoch = epochOf(entry.appendTime, this.#epochMs)
      if (epoch < horizon) continue
      const keys = view.keysOf(entry)
      if (keys.length === 0) continue
      const key = { slot: view.slotOf(entry.eventTime), epoch, ...this.#at }
      const id = idOf(key)
      if (entry.offset < since.from) {
        if (since.mixed) older.add(id)
        continue
      }
      if (entry.offset > Math.max(this.#counted, stored.get(id)?.board.mark ?? -1)) continue
      const group = groups.get(id) ?? { key, entries: [] }
      if (group.entries.push({ origin: entry.offset, entry, keys }) === 1) groups.set(id, group)
    }
    return groups.values()
  }

  /** `highestArchived`: the last offset that has been added. */
  finish(highestArchived: number): RecountResult {
    let agreeing = 0
    let ahead = 0
    let partial = 0
    const problems: { where: string; what: string }[] = []
    for (const { view, older, stored, expected } of this.#views) {
      for (const id of new Set([...stored.keys(), ...expected.keys()])) {
        const found = stored.get(id)
        const due = expected.get(id)
        if ((found?.board.mark ?? -1) > highestArchived) {
          ahead++
          continue
        }
        if (older.has(id)) {
          partial++
          continue
        }
        const what = difference(view, found?.board ?? EMPTY_BOARD, due?.board ?? EMPTY_BOARD)
        if (what === undefined) agreeing++
        else problems.push({ where: nameOf(view, found ?? due?.key), what })
      }
    }
    return { agreeing, ahead, partial, problems }
  }
}

function addGroup(
  { view, expected }: ViewBoards,
  { key, entries }: { readonly key: BoardKey; readonly entries: readonly Numbered[] },
): void {
  const id = idOf(key)
  const before = expected.get(id)?.board ?? EMPTY_BOARD
  expected.set(id, { key, board: applyToBoard(view, before, entries) })
}

/**
 * How a stored board differs from what the master's records make; undefined where it does not. It quotes a key, which is
 * made of record values: it goes to whoever asked for the proof, and never to a log.
 */
function difference(view: View, stored: Board, due: Board): string | undefined {
  if (stored.mark < 0 && due.mark >= 0) return `no such board, though ${due.keys.size} keys belong on it`
  const text = (board: Board, key: string) => {
    const states = board.keys.get(key)
    return states === undefined ? undefined : JSON.stringify(view.toJson(states))
  }
  const keys = new Set([...stored.keys.keys(), ...due.keys.keys()])
  const wrong = [...keys].filter((key) => text(stored, key) !== text(due, key))
  const [first] = wrong
  if (first !== undefined) {
    const more = wrong.length > 1 ? `; ${wrong.length - 1} more keys differ` : ''
    return `key ${JSON.stringify(displayKey(first))} holds ${text(stored, first) ?? 'nothing'}, the master makes ${text(due, first) ?? 'nothing'}${more}`
  }
  return stored.mark === due.mark ? undefined : `its mark is ${stored.mark}, the master makes ${due.mark}`
}

function idOf({ slot, epoch }: BoardKey): string {
  return `${slot}/${epoch}`
}

function nameOf(view: View, key: BoardKey | undefined): string {
  if (key === undefined) return `view ${view.id}`
  const { slot, epoch, topic, partition } = key
  return `view ${view.id}, slot ${new Date(slot).toISOString()}, epoch ${epoch}, ${topic}-${partition}`
}
