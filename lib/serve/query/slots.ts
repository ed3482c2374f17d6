import type { View } from '../../views/view.ts'

const DAY_MS = 86_400_000

/** Slots that start in [from, to), ms; undefined: no bound. */
export interface SlotRange {
  readonly from: number | undefined
  readonly to: number | undefined
}

/**
 * The slots that a question is about: a slot that holds `from` counts whole, one that starts at `to` or later does not.
 * Those that the view no longer keeps at `nowMs` are left out.
 */
export function slotRange(
  view: View,
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
  nowMs: number,
): SlotRange {
  const { retentionDays } = view.definition
  const kept =
    retentionDays === undefined ? undefined : view.slotOf(Math.max(0, nowMs - retentionDays * DAY_MS))
  const asked = from === undefined ? undefined : view.slotOf(Math.max(0, from))
  return { from: kept === undefined || (asked ?? 0) > kept ? asked : kept, to }
}
