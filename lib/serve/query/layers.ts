import { PortError } from '../../ports/errors.ts'
import { readExpiredBefore } from '../../state/batch-expired.ts'
import { type BatchEntry, entryOf, readBatchPointer } from '../../state/batch-pointer.ts'
import { readBatchIndex } from '../../state/batch-read.ts'
import { readBatchRows } from '../../state/batch-rows.ts'
import { type BoardStores, readBoards } from '../../state/boards.ts'
import { mapAtOnce } from '../../stream/at-once.ts'
import type { States, View } from '../../views/view.ts'
import type { SlotRange } from './slots.ts'

export type Layer = 'merged' | 'speed' | 'batch'

export interface LayersWanted {
  readonly layer: Layer
  /** As they stand in the view; undefined: all. */
  readonly keys: ReadonlySet<string> | undefined
  readonly slots: SlotRange
  /**
   * Also slots that the batch view leaves out as too old for queries (`keptFromMs`): from the boards of all epochs that
   * still stand. Those of epochs below the horizon do for the time of grace at least (lib/batch/expire.ts), and what is
   * retracted counts in them.
   */
  readonly leftOut?: boolean
  /** Called between reads: what it throws ends the reading. */
  readonly goesOn?: () => void
}

/** Where one layer ends and the other begins. */
export interface Horizon {
  readonly epoch: number
  /** Records appended before it come from the batch layer, ms. */
  readonly ms: number
  /** Object key of the batch view's index. */
  readonly index: string
}

/** Takes what one key has in one slot, of one layer. */
export type Take = (key: string, slot: number, states: States) => void

/** Recomputes that may be published while one query runs. */
const TRIES_MAX = 5

/**
 * Reads the layers of a view by the pointer as it stood at one moment (rule 8 of docs/exactness.md); `begin` is called
 * anew for each try, and what an earlier one was given counts for nothing. Resolves with the horizon it went by,
 * undefined where the view has no batch view. Rejects with UNAVAILABLE rather than answer without boards that are gone.
 */
export async function readLayers(
  stores: BoardStores,
  view: View,
  wanted: LayersWanted,
  begin: () => Take,
): Promise<Horizon | undefined> {
  const [stream = ''] = view.id.split('.')
  for (let attempt = 1; ; attempt++) {
    const pointer = await readBatchPointer(stores.keyed, stream)
    const entry = entryOf(pointer, view)
    const horizon = entry && horizonOf(entry, pointer?.epochMs ?? 0)
    const take = begin()
    try {
      if (entry !== undefined && wanted.layer !== 'speed') await readBatch(stores, view, entry, wanted, take)
      if (wanted.layer === 'batch') return horizon
      for (const { epochFrom, slots } of await stretches(stores, entry, wanted))
        await readSpeed(stores, view, epochFrom, { ...wanted, slots }, take)
      const expiredBefore = await readExpiredBefore(stores.keyed, stream, view)
      if (expiredBefore <= (horizon?.epoch ?? 0)) return horizon
      if (attempt === TRIES_MAX) throw expired(view, expiredBefore, horizon)
    } catch (error) {
      // What an older pointer names may be gone by now; what the one that stands names may not.
      const moved = entryOf(await readBatchPointer(stores.keyed, stream), view)?.index !== entry?.index
      if (!moved || attempt === TRIES_MAX) throw error
    }
  }
}

function horizonOf({ horizon: epoch, index }: BatchEntry, epochMs: number): Horizon {
  return { epoch, ms: epoch * epochMs, index }
}

async function readBatch(
  { objects }: BoardStores,
  view: View,
  entry: { readonly index: string },
  { keys, slots, goesOn }: LayersWanted,
  take: Take,
): Promise<void> {
  await mapAtOnce([...(keys ?? [undefined])], async (key) => {
    goesOn?.()
    for await (const row of readBatchRows(objects, view, entry, { key, ...slots }))
      take(row.key, row.slot, row.states)
  })
}

/** Slots, and from which epoch on their boards are read. */
async function stretches(
  { objects }: BoardStores,
  entry: BatchEntry | undefined,
  { slots, leftOut = false }: LayersWanted,
): Promise<readonly { readonly epochFrom: number; readonly slots: SlotRange }[]> {
  const epochFrom = entry?.horizon ?? 0
  if (entry === undefined || !leftOut) return [{ epochFrom, slots }]
  const { keptFromMs = 0 } = await readBatchIndex(objects, entry)
  const { from = 0, to = Number.POSITIVE_INFINITY } = slots
  if (to <= keptFromMs) return [{ epochFrom: 0, slots }]
  if (from >= keptFromMs) return [{ epochFrom, slots }]
  return [
    { epochFrom: 0, slots: { from, to: keptFromMs } },
    { epochFrom, slots: { from: keptFromMs, to: slots.to } },
  ]
}

async function readSpeed(
  stores: BoardStores,
  view: View,
  epochFrom: number,
  { keys, slots, goesOn }: LayersWanted,
  take: Take,
): Promise<void> {
  for await (const { slot, board } of readBoards(stores, view, { ...slots, epochFrom, keys })) {
    goesOn?.()
    for (const [key, states] of board.keys) take(key, slot, states)
  }
}

function expired(view: View, before: number, horizon: Horizon | undefined): PortError {
  const from =
    horizon === undefined ? 'no batch view stands in for them' : `the batch view ends at ${horizon.epoch}`
  return new PortError(
    'UNAVAILABLE',
    `view ${view.id}: boards of epochs before ${before} are gone and ${from}; ask again, or run weir recompute`,
    { curable: true },
  )
}
