import type { View } from '../../views/view.ts'

/** Slots that start in [from, to), ms; undefined: no bound. */
export interface SlotRange {
  readonly from: number | undefined
  readonly to: number | undefined
}

/** The slots that a question is about: a slot that holds `from` counts whole, one that starts at `to` or later does not. */
export function slotRange(
  view: View,
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
): SlotRange {
  return { from: from === undefined ? undefined : view.slotOf(Math.max(0, from)), to }
}
