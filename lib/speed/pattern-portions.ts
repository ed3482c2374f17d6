import type { Alert } from '../stream/alert.ts'

/** Of a view, the keys that a batch had to do with and the slots it touched each in. */
export type Touched = ReadonlyMap<string, ReadonlySet<number>>

/**
 * Slots that are looked at together, about. The records of a batch may lie anywhere in time, and a window has up to 360 slots:
 * looked at all at once they would take as much memory as the batch has records times that.
 */
export const SLOTS_AT_ONCE = 8_192

export interface Reach {
  readonly slotMs: number
  readonly reachMs: number
  /** Slots of a portion, about. */
  readonly atOnce: number
}

/**
 * What `judge` makes of the touched slots and those up to `reachMs` before and behind them (`near`), portion by portion. They go
 * by time, so that where two portions have findings in one stretch the first of all is the earlier portion's, and comes first.
 */
export async function inPortions(
  touched: Touched,
  reach: Reach,
  judge: (near: ReadonlySet<number>, some: Touched) => Promise<readonly Alert[]>,
): Promise<readonly Alert[]> {
  const alerts = new Map<string, Alert>()
  for (const { near, some } of portions(touched, reach))
    for (const alert of await judge(near, some)) if (!alerts.has(alert.id)) alerts.set(alert.id, alert)
  return [...alerts.values()]
}

function* portions(
  touched: Touched,
  { slotMs, reachMs, atOnce }: Reach,
): Generator<{ readonly near: ReadonlySet<number>; readonly some: Touched }> {
  let near = new Set<number>()
  let some = new Map<string, Set<number>>()
  for (const [slot, keys] of keysBySlot(touched)) {
    for (let at = slot - reachMs; at <= slot + reachMs; at += slotMs) near.add(at)
    for (const key of keys) {
      const slots = some.get(key)
      if (slots === undefined) some.set(key, new Set([slot]))
      else slots.add(slot)
    }
    if (near.size < atOnce) continue
    yield { near, some }
    near = new Set()
    some = new Map()
  }
  if (near.size > 0) yield { near, some }
}

/** By time. */
function keysBySlot(touched: Touched): readonly (readonly [slot: number, keys: readonly string[]])[] {
  const bySlot = new Map<number, string[]>()
  for (const [key, slots] of touched)
    for (const slot of slots) {
      const keys = bySlot.get(slot)
      if (keys === undefined) bySlot.set(slot, [key])
      else keys.push(key)
    }
  return [...bySlot].sort(([a], [b]) => a - b)
}
