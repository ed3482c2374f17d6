/**
 * Judges what the slots of a view hold of one key. Pure, and monotone: as more records come in, a threshold that was crossed
 * stays crossed and a pair that was there stays, so what is found depends on the records and not on how they were cut into
 * batches, and a writer who sees more than its own batch finds nothing that is not so.
 */

/** How long a slot and a window are, ms. */
export interface Window {
  readonly slotMs: number
  readonly windowMs: number
}

/** What a key has in the slot that begins at `slot`, ms; undefined where it is not in it. */
export type InSlot<S> = (slot: number) => S | undefined

/** A window that reaches the limit. */
export interface Crossing {
  /** Start of its last slot, which holds the key, ms. */
  readonly slot: number
  /** Start of its first slot, and the end of its last, ms. */
  readonly fromMs: number
  readonly toMs: number
  readonly value: number
}

/** How states of slots become one number: an aggregate whose value never grows beyond the sum of its parts' values. */
export interface Measure<S> {
  merge(a: S, b: S): S
  valueOf(state: S): number
}

/**
 * The windows that hold one of the `touched` slots and reach the limit, by time. Of all windows that a key could be judged by,
 * those that end with a slot the key is in: the same records in a window that ends later are no other crossing.
 */
export function crossings<S>(
  of: InSlot<S>,
  touched: Iterable<number>,
  { slotMs, windowMs, limit }: Window & { readonly limit: number },
  measure: Measure<S>,
): readonly Crossing[] {
  const found: Crossing[] = []
  for (const slot of lastSlots(of, touched, slotMs, windowMs - slotMs)) {
    const fromMs = slot - windowMs + slotMs
    const states: S[] = []
    let sum = 0
    for (let at = fromMs; at <= slot; at += slotMs) {
      const state = of(at)
      if (state === undefined) continue
      states.push(state)
      sum += measure.valueOf(state)
    }
    // Most keys are far below the limit, and a merge of distinct counts costs more than their sum.
    if (sum < limit) continue
    const value = measure.valueOf(states.reduce((a, b) => measure.merge(a, b)))
    if (value >= limit) found.push({ slot, fromMs, toMs: slot + slotMs, value })
  }
  return found
}

/** The least and the greatest event time, ms. */
export interface Span {
  readonly minMs: number
  readonly maxMs: number
}

/** Two records, the second at most a window later. */
export interface Pair {
  /** Start of the slot of the second, ms. */
  readonly slot: number
  readonly firstMs: number
  readonly thenMs: number
}

/**
 * The slots in which a record of `then` follows on one of `first` within the window, as far as a `touched` slot, of either,
 * has to do with it; for each a pair. Exact by the least and greatest times of each slot: across slots s < t the closest pair
 * is the last of s and the first of t, and within one slot, which is no longer than the window, any pair in order will do.
 */
export function pairs(
  first: InSlot<Span>,
  then: InSlot<Span>,
  touched: Iterable<number>,
  { slotMs, windowMs }: Window,
): readonly Pair[] {
  const found: Pair[] = []
  const behindMs = Math.ceil(windowMs / slotMs) * slotMs
  for (const slot of lastSlots(then, touched, slotMs, behindMs)) {
    const after = then(slot)
    const same = first(slot)
    if (after === undefined) continue
    if (same !== undefined && same.minMs <= after.maxMs) {
      found.push({ slot, firstMs: same.minMs, thenMs: after.maxMs })
      continue
    }
    for (let at = slot - slotMs; at >= slot - behindMs; at -= slotMs) {
      const before = first(at)
      if (before === undefined || after.minMs - before.maxMs > windowMs) continue
      found.push({ slot, firstMs: before.maxMs, thenMs: after.minMs })
      break
    }
  }
  return found
}

/** Start of the stretch of time, as long as a window, that a finding in `slot` belongs to: one alert for each. */
export function stretchOf(
  { slot }: { readonly slot: number },
  { windowMs }: Pick<Window, 'windowMs'>,
): number {
  return slot - (slot % windowMs)
}

/** By time, the slots that hold the key and lie at a touched one or up to `reachMs` behind it. */
function lastSlots(
  of: InSlot<unknown>,
  touched: Iterable<number>,
  slotMs: number,
  reachMs: number,
): readonly number[] {
  const slots = new Set<number>()
  for (const from of touched)
    for (let at = from; at <= from + reachMs; at += slotMs) if (of(at) !== undefined) slots.add(at)
  return [...slots].sort((a, b) => a - b)
}
