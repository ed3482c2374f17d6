import { manifestTotal } from '../master/manifest.ts'
import { readManifests } from '../master/manifest-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type BoardStores, readBoards } from '../state/boards.ts'
import { RECORDS_VIEW, type Stream } from '../stream/define.ts'
import { compileView } from '../views/view.ts'

/** What a stream's master and views add up to, all time. Once nothing is in flight, both equal the records appended. */
export interface StoredTotals {
  /** Records of every outcome in the master. */
  readonly archived: number
  readonly deadLettered: number
  readonly dropped: number
  readonly alerts: number
  /** Records of every outcome in the view `records`. */
  readonly counted: number
}

/** Reads the totals now and again: what lies far back is added up once a minute, and not at every reading. */
export class Totals {
  readonly #stores: BoardStores
  readonly #stream: Stream
  #old: { readonly before: number; readonly counted: number; readonly untilMs: number } | undefined

  constructor(stores: BoardStores, stream: Stream) {
    this.#stores = stores
    this.#stream = stream
  }

  async read(nowMs: number): Promise<StoredTotals> {
    return {
      ...(await masterTotals(this.#stores.objects, this.#stream)),
      counted: await this.#counted(nowMs),
    }
  }

  async #counted(nowMs: number): Promise<number> {
    if (this.#old === undefined || this.#old.untilMs < nowMs) {
      const before = nowMs - RECENT_MS - (nowMs % RECENT_MS)
      const counted = await countedRecords(this.#stores, this.#stream, { to: before })
      this.#old = { before, counted, untilMs: nowMs + OLD_FOR_MS }
    }
    const { before, counted } = this.#old
    return counted + (await countedRecords(this.#stores, this.#stream, { from: before }))
  }
}

/** Slots of event time that are read at every reading. */
const RECENT_MS = 2 * 3_600_000
/** For how long the total of older slots, to which late records may still come, is taken as it was. */
const OLD_FOR_MS = 60_000

async function masterTotals(objects: ObjectStore, stream: Stream): Promise<Omit<StoredTotals, 'counted'>> {
  const totals = (await readManifests(objects, stream.name)).map(manifestTotal)
  const sum = (pick: (total: (typeof totals)[number]) => number) =>
    totals.reduce((all, one) => all + pick(one), 0)
  return {
    archived: sum(({ rows }) => rows),
    deadLettered: sum(({ outcomes }) => outcomes.dead),
    dropped: sum(({ outcomes }) => outcomes.drop),
    alerts: sum(({ alerts }) => alerts),
  }
}

/** The total of the view `records`, of the slots of event time in [from, to) where they are given. */
export async function countedRecords(
  stores: BoardStores,
  stream: Stream,
  range: { readonly from?: number; readonly to?: number } = {},
): Promise<number> {
  const view = compileView(stream.name, 'records', RECORDS_VIEW)
  let counted = 0
  for await (const { board } of readBoards(stores, view, range)) {
    for (const states of board.keys.values()) counted += Number(view.answer(states).count)
  }
  return counted
}
