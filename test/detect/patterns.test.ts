import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crossings, pairs, type Span, stretchOf } from '../../lib/detect/patterns.ts'

const SLOT_MS = 10
/** Distinct values of a slot as a set: a measure whose merge is no sum. */
const distinct = {
  merge: (a: ReadonlySet<number>, b: ReadonlySet<number>) => new Set([...a, ...b]),
  valueOf: (state: ReadonlySet<number>) => state.size,
}

const records = fc.array(fc.record({ timeMs: fc.nat(400), value: fc.nat(8) }), { maxLength: 60 })
const slotOf = (timeMs: number) => timeMs - (timeMs % SLOT_MS)

function bySlot(all: readonly { readonly timeMs: number; readonly value: number }[]) {
  const slots = new Map<number, Set<number>>()
  for (const { timeMs, value } of all) {
    const slot = slots.get(slotOf(timeMs)) ?? new Set()
    slots.set(slotOf(timeMs), slot.add(value))
  }
  return slots
}

/** Every last slot of a window that reaches the limit, by trying all of them. */
function slotsByTrial(all: readonly { timeMs: number; value: number }[], windowMs: number, limit: number) {
  const found = new Set<number>()
  for (const { timeMs } of all) {
    const to = slotOf(timeMs) + SLOT_MS
    const inside = all.filter((one) => one.timeMs < to && one.timeMs >= to - windowMs)
    if (new Set(inside.map(({ value }) => value)).size >= limit) found.add(to - SLOT_MS)
  }
  return [...found].sort((a, b) => a - b)
}

describe('crossings of a limit', () => {
  const setting = { n: fc.integer({ min: 1, max: 12 }), limit: fc.integer({ min: 1, max: 9 }) }

  it('are all the windows that end with a record of the key and reach it, and no others', () => {
    fc.assert(
      fc.property(records, setting.n, setting.limit, (all, n, limit) => {
        const slots = bySlot(all)
        const window = { slotMs: SLOT_MS, windowMs: n * SLOT_MS, limit }
        const found = crossings((slot) => slots.get(slot), slots.keys(), window, distinct)
        expect(found.map(({ slot }) => slot)).toEqual(slotsByTrial(all, window.windowMs, limit))
        for (const { slot, fromMs, toMs, value } of found) {
          expect([fromMs, toMs]).toEqual([slot + SLOT_MS - window.windowMs, slot + SLOT_MS])
          const inside = all.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs)
          expect(value).toBe(new Set(inside.map((one) => one.value)).size)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('are found however records are cut into batches and reordered, each seeing what is there so far', () => {
    fc.assert(
      fc.property(records, setting.n, setting.limit, fc.nat(9), (all, n, limit, size) => {
        const window = { slotMs: SLOT_MS, windowMs: n * SLOT_MS, limit }
        const found = new Set<number>()
        for (let i = 0; i < all.length; i += size + 1) {
          const slots = bySlot(all.slice(0, i + size + 1))
          const touched = all.slice(i, i + size + 1).map(({ timeMs }) => slotOf(timeMs))
          for (const { slot } of crossings((at) => slots.get(at), touched, window, distinct)) found.add(slot)
        }
        expect([...found].sort((a, b) => a - b)).toEqual(slotsByTrial(all, window.windowMs, limit))
      }),
      { numRuns: 500 },
    )
  })
})

describe('pairs in order', () => {
  const events = fc.array(fc.record({ timeMs: fc.nat(600), first: fc.boolean() }), { maxLength: 25 })
  const windows = fc.integer({ min: SLOT_MS, max: 120 })

  function spansOf(all: readonly { timeMs: number; first: boolean }[], first: boolean) {
    const spans = new Map<number, Span>()
    for (const { timeMs } of all.filter((one) => one.first === first)) {
      const { minMs, maxMs } = spans.get(slotOf(timeMs)) ?? { minMs: timeMs, maxMs: timeMs }
      spans.set(slotOf(timeMs), { minMs: Math.min(minMs, timeMs), maxMs: Math.max(maxMs, timeMs) })
    }
    return spans
  }

  /** Slots of every record of `then` with one of `first` at most the window before it. */
  function slotsByTrial(all: readonly { timeMs: number; first: boolean }[], windowMs: number) {
    const firsts = all.filter(({ first }) => first)
    const completed = all.filter(
      ({ timeMs, first }) =>
        !first && firsts.some((one) => one.timeMs <= timeMs && timeMs - one.timeMs <= windowMs),
    )
    return [...new Set(completed.map(({ timeMs }) => slotOf(timeMs)))].sort((a, b) => a - b)
  }

  it('are found in exactly the slots in which a record completes one, to the millisecond', () => {
    fc.assert(
      fc.property(events, windows, (all, windowMs) => {
        const [first, then] = [spansOf(all, true), spansOf(all, false)]
        const touched = all.map(({ timeMs }) => slotOf(timeMs))
        const window = { slotMs: SLOT_MS, windowMs }
        const found = pairs(
          (slot) => first.get(slot),
          (slot) => then.get(slot),
          touched,
          window,
        )
        expect(found.map(({ slot }) => slot)).toEqual(slotsByTrial(all, windowMs))
        for (const { slot, firstMs, thenMs } of found) {
          expect(slotOf(thenMs)).toBe(slot)
          expect(thenMs - firstMs).toBeGreaterThanOrEqual(0)
          expect(thenMs - firstMs).toBeLessThanOrEqual(windowMs)
          expect(all).toContainEqual({ timeMs: firstMs, first: true })
          expect(all).toContainEqual({ timeMs: thenMs, first: false })
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('are found however records are cut into batches and reordered', () => {
    fc.assert(
      fc.property(events, windows, fc.nat(6), (all, windowMs, size) => {
        const found = new Set<number>()
        for (let i = 0; i < all.length; i += size + 1) {
          const seen = all.slice(0, i + size + 1)
          const [first, then] = [spansOf(seen, true), spansOf(seen, false)]
          const touched = all.slice(i, i + size + 1).map(({ timeMs }) => slotOf(timeMs))
          const window = { slotMs: SLOT_MS, windowMs }
          for (const { slot } of pairs(
            (at) => first.get(at),
            (at) => then.get(at),
            touched,
            window,
          ))
            found.add(slot)
        }
        expect([...found].sort((a, b) => a - b)).toEqual(slotsByTrial(all, windowMs))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a stretch', () => {
  it('begins at a multiple of the window, whatever slot of it a finding is in', () => {
    expect([0, 299, 300, 599].map((slot) => stretchOf({ slot }, { windowMs: 300 }))).toEqual([0, 0, 300, 300])
  })
})
