import { manifestTotal } from '../master/manifest.ts'
import { readManifests } from '../master/manifest-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { entryOf, readBatchPointer } from '../state/batch-pointer.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import type { BoardStores } from '../state/boards.ts'
import { retractionsOf } from '../state/covered-retractions.ts'
import { lostRanges, offsetsGone } from '../state/lost.ts'
import { allRetractions, retractedRanges } from '../state/retractions.ts'
import { RECORDS_VIEW, type Stream } from '../stream/define.ts'
import { compileView, type View } from '../views/view.ts'
import { readLayers } from './query/layers.ts'
import type { SlotRange } from './query/slots.ts'

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
      const counted = await countedIn(this.#stores, this.#stream, { from: undefined, to: before })
      this.#old = { before, counted, untilMs: nowMs + OLD_FOR_MS }
    }
    const { before, counted } = this.#old
    const recent = await countedIn(this.#stores, this.#stream, { from: before, to: undefined })
    return counted + recent + (await retractedRecords(this.#stores, this.#stream))
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

/** The total of the view `records` over both layers, and the records that were retracted from it. */
export async function countedRecords(stores: BoardStores, stream: Stream): Promise<number> {
  const all = await countedIn(stores, stream, { from: undefined, to: undefined })
  return all + (await retractedRecords(stores, stream))
}

async function countedIn(stores: BoardStores, stream: Stream, slots: SlotRange): Promise<number> {
  const view = recordsView(stream)
  let counted = 0
  await readLayers(stores, view, { layer: 'merged', keys: undefined, slots }, () => {
    counted = 0
    return (_key, _slot, states) => {
      counted += Number(view.answer(states).count)
    }
  })
  return counted
}

/** Records that were counted once, and that the batch view leaves out because somebody retracted them. */
async function retractedRecords({ keyed, objects }: BoardStores, stream: Stream): Promise<number> {
  const retractions = await allRetractions(keyed, stream.name)
  if (retractions.length === 0) return 0
  const entry = entryOf(await readBatchPointer(keyed, stream.name), recordsView(stream))
  if (entry === undefined) return 0
  const { covers } = await readBatchIndex(objects, entry)
  const held = retractionsOf(covers, retractions) ?? []
  let records = 0
  for (const { topic, partition, below } of covers.partitions) {
    const gone = await lostRanges(keyed, topic, partition)
    for (const { from, to } of retractedRanges(held, topic, partition)) {
      const range = { from, to: Math.min(to, below) }
      if (range.to > from) records += range.to - from - offsetsGone(gone, range)
    }
  }
  return records
}

function recordsView(stream: Stream): View {
  return compileView(stream.name, 'records', RECORDS_VIEW)
}
