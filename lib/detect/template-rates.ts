import type { TemplateRate, TemplateRates } from './template-model.ts'

/** Length of a slot: that of the views that count templates. */
export const RATE_SLOT_MS = 300_000
/** Pairs of template and source that are followed; the rarest make room. */
export const PAIRS_MAX = 1000
/** Sources that are followed: the first ones. */
const SOURCES_MAX = 10_000
/** A week of slots: of a longer past the latest ones count. */
const SLOTS_MAX = 2016
/** Share of the slots that are left out of the baseline: an outburst in it must not excuse the next one. */
const BUSIEST_SHARE = 0.05
/** Fewer slots say nothing about how much a rate varies. */
const SLOTS_MIN = 12

/** Lines by pair of template and source, and by slot. Bounded, and the same whatever the order of the lines of a pair. */
export class RateCounts {
  readonly #pairs = new Map<string, Map<number, number>>()
  /** By source: its first and last slot. A source that is silent for a whole slot has written nothing of any template. */
  readonly #spans = new Map<string, { first: number; last: number }>()
  #newest = 0

  add(templateId: string, source: string, eventTimeMs: number): void {
    const slot = Math.floor(eventTimeMs / RATE_SLOT_MS)
    this.#newest = Math.max(this.#newest, slot)
    const span = this.#spans.get(source)
    if (span === undefined) {
      if (this.#spans.size >= SOURCES_MAX) return
      this.#spans.set(source, { first: slot, last: slot })
    } else {
      span.first = Math.min(span.first, slot)
      span.last = Math.max(span.last, slot)
    }
    const key = `${templateId}${source}`
    let slots = this.#pairs.get(key)
    if (slots === undefined) {
      slots = new Map()
      this.#pairs.set(key, slots)
      if (this.#pairs.size > 2 * PAIRS_MAX) this.#prune()
    }
    slots.set(slot, (slots.get(slot) ?? 0) + 1)
    if (slots.size > 2 * SLOTS_MAX) this.#forgetOld(slots)
  }

  /** The last slot of a source is left out: it may not be over. */
  rates(): TemplateRates {
    const pairs: TemplateRate[] = []
    for (const [key, counts] of this.#pairs) {
      const templateId = key.slice(0, ID_CHARS)
      const source = key.slice(ID_CHARS)
      const span = this.#spans.get(source)
      if (span === undefined) continue
      const from = Math.max(span.first, span.last - SLOTS_MAX)
      const slots = span.last - from
      if (slots < SLOTS_MIN) continue
      const inSpan = [...counts]
        .filter(([slot]) => slot >= from && slot < span.last)
        .map(([, count]) => count)
      pairs.push({ templateId, source, slots, ...usualOf(inSpan, slots) })
    }
    pairs.sort((a, b) => b.mean * b.slots - a.mean * a.slots || (a.templateId < b.templateId ? -1 : 1))
    return { slotMs: RATE_SLOT_MS, pairs: pairs.slice(0, PAIRS_MAX) }
  }

  #prune(): void {
    const total = (slots: ReadonlyMap<number, number>) => [...slots.values()].reduce((sum, x) => sum + x, 0)
    const byCount = [...this.#pairs]
      .map(([key, slots]) => [key, total(slots)] as const)
      .sort((a, b) => b[1] - a[1])
    for (const [key] of byCount.slice(PAIRS_MAX)) this.#pairs.delete(key)
  }

  #forgetOld(slots: Map<number, number>): void {
    for (const slot of slots.keys()) if (slot < this.#newest - SLOTS_MAX) slots.delete(slot)
    if (slots.size <= 2 * SLOTS_MAX) return
    for (const slot of [...slots.keys()].sort((a, b) => a - b).slice(0, SLOTS_MAX)) slots.delete(slot)
  }
}

const ID_CHARS = 16

/** Mean and variance over `slots` slots, of which all but those with `counts` are empty; without the busiest few. */
function usualOf(counts: readonly number[], slots: number): { mean: number; variance: number } {
  const busiest = Math.floor(slots * BUSIEST_SHARE)
  const usual = [...counts].sort((a, b) => b - a).slice(busiest)
  const over = slots - busiest
  const mean = usual.reduce((sum, x) => sum + x, 0) / over
  const squares =
    usual.reduce((sum, x) => sum + (x - mean) ** 2, 0) + Math.max(0, over - usual.length) * mean * mean
  return { mean, variance: squares / over }
}

/** A rate that is not what it was. */
export interface RateChange {
  readonly direction: 'up' | 'down'
  readonly expected: number
  readonly found: number
  /** How many standard deviations from what was expected. */
  readonly deviations: number
}

/** Deviations from which on a count is a change; with tails as heavy as counts of lines have them. */
export const DEVIATIONS_MIN = 6
/** A change of fewer lines is none, however rare they are. */
const LINES_MIN = 10

/**
 * Whether the lines of one slot are more or fewer than the pair's past lets expect. Undefined where they are as usual.
 * Roots of counts that vary by Poisson's law deviate by about a half whatever their mean (Anscombe 1948), so few lines are
 * judged as fairly as many; what varied more than that may vary more.
 */
export function rateChange(
  { mean, variance }: Pick<TemplateRate, 'mean' | 'variance'>,
  found: number,
): RateChange | undefined {
  const dispersion = Math.sqrt(Math.max(1, mean > 0 ? variance / mean : 1))
  const deviations = (2 * (Math.sqrt(found + 3 / 8) - Math.sqrt(mean + 3 / 8))) / dispersion
  if (Math.abs(deviations) < DEVIATIONS_MIN || Math.abs(found - mean) < LINES_MIN) return undefined
  return {
    direction: deviations > 0 ? 'up' : 'down',
    expected: mean,
    found,
    deviations: Math.abs(deviations),
  }
}
