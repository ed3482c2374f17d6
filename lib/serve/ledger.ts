import { manifestTotal } from '../master/manifest.ts'
import { readManifests } from '../master/manifest-store.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { readBoards } from '../state/boards.ts'
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

export async function storedTotals(
  stores: { readonly keyed: KeyedStore; readonly objects: ObjectStore },
  stream: Stream,
): Promise<StoredTotals> {
  const totals = (await readManifests(stores.objects, stream.name)).map(manifestTotal)
  const sum = (pick: (total: (typeof totals)[number]) => number) =>
    totals.reduce((all, one) => all + pick(one), 0)
  return {
    archived: sum(({ rows }) => rows),
    deadLettered: sum(({ outcomes }) => outcomes.dead),
    dropped: sum(({ outcomes }) => outcomes.drop),
    alerts: sum(({ alerts }) => alerts),
    counted: await countedRecords(stores.keyed, stream),
  }
}

/** The total of the view `records`. */
export async function countedRecords(keyed: KeyedStore, stream: Stream): Promise<number> {
  const view = compileView(stream.name, 'records', RECORDS_VIEW)
  let counted = 0
  for await (const { board } of readBoards(keyed, view)) {
    for (const states of board.keys.values()) counted += Number(view.answer(states).count)
  }
  return counted
}
