import { type BoardStores, readBoards } from '../../state/boards.ts'
import { displayKey } from '../../views/key.ts'
import type { View } from '../../views/view.ts'
import { readLayers } from '../query/layers.ts'

/** Uses by slot (its start, ms), and there by key. */
export type UsesBySlot = ReadonlyMap<number, ReadonlyMap<string, number>>

/**
 * The uses that a view has counted in the slots that start in [from, to), both layers together. Slots that queries do not
 * show any more count all the same: records of years ago are of today where they are replayed today. The batch view leaves
 * those slots out, so they are read from the boards alone, which stay for the time of grace at least after a recompute
 * covers them: uses that are older than that when their slot closes are missed.
 */
export async function readUses(
  stores: BoardStores,
  view: View,
  from: number,
  to: number,
): Promise<UsesBySlot> {
  let slots = new Map<number, Map<string, number>>()
  if (from >= to) return slots
  const slotsWanted = { from: Math.max(0, from), to }
  const wanted = { layer: 'merged', keys: undefined, slots: slotsWanted, leftOut: true } as const
  await readLayers(stores, view, wanted, () => {
    slots = new Map()
    return (stored, slot, states) => {
      const uses = slots.get(slot) ?? new Map<string, number>()
      const key = displayKey(stored)
      slots.set(slot, uses.set(key, (uses.get(key) ?? 0) + Number(view.answer(states).count)))
    }
  })
  return slots
}

/** The first slot from `from` on and before `to` that has a board; undefined where there is none. */
export async function firstSlot(
  stores: BoardStores,
  view: View,
  from: number,
  to: number,
): Promise<number | undefined> {
  for await (const { slot, board } of readBoards(stores, view, { from: Math.max(0, from), to }))
    if (board.keys.size > 0) return slot
  return undefined
}

export function sumOf(uses: ReadonlyMap<string, number> | undefined): number {
  let sum = 0
  for (const count of uses?.values() ?? []) sum += count
  return sum
}
