import { type Slide, Trends } from '../../../lib/detect/trends.ts'
import type { TrendSlide } from '../../../lib/serve/dashboard-messages.ts'
import { PARTITIONS, type Post } from './trends-world.ts'

const SLIDE_MS = 10_000
const SLOTS = 60
const [DELAY_MS, IDLE_MS, REST_MS] = [20_000, 60_000, 180_000]

type Counts = Map<string, number>

/** What the slides must be, counted from scratch from all that was counted, at each look. */
export class TrendsOracle {
  readonly slides: TrendSlide[] = []
  readonly #counted = new Map<number, Counts>()
  readonly #closed = new Map<number, Counts>()
  readonly #newest = new Map<number, { timeMs: number; atMs: number }>()
  /** Of bursts: the one who never restarted. */
  readonly #bursts = new Trends({ k: 20 })
  #woke: number | undefined
  #next: number | undefined
  #late = 0

  count(partition: number, batch: readonly Post[], nowMs: number): void {
    for (const { eventTimeMs, tags, dead } of batch) {
      if (dead === true) continue
      const timeMs = Math.max(this.#newest.get(partition)?.timeMs ?? 0, Math.min(eventTimeMs, nowMs))
      this.#newest.set(partition, { timeMs, atMs: nowMs })
      const slot = Math.floor(eventTimeMs / SLIDE_MS)
      const counts = this.#counted.get(slot) ?? new Map<string, number>()
      this.#counted.set(slot, counts)
      for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1)
      if (counts.size === 0) this.#counted.delete(slot)
    }
  }

  look(nowMs: number): void {
    const due = this.#due(nowMs)
    if (due === undefined) return
    const { slot: end, provisional } = due
    for (;;) {
      if (this.#next === undefined || this.#inWindow(this.#next).length === 0) {
        const later = [...this.#counted.keys()].filter((slot) => slot >= (this.#next ?? 0) && slot < end)
        if (later.length > 0) this.#next = Math.min(...later)
        else if (this.#next !== undefined) this.#next = Math.max(this.#next, end)
      }
      if (this.#next === undefined || this.#next >= end) return
      this.slides.push({ ...this.#close(this.#next++), provisional })
    }
  }

  #due(nowMs: number): { readonly slot: number; readonly provisional: boolean } | undefined {
    if (this.#newest.size === 0) return undefined
    const awake = [...this.#newest.values()].some(({ atMs }) => nowMs - atMs < IDLE_MS)
    this.#woke = awake ? (this.#woke ?? nowMs) : undefined
    const woke = this.#woke ?? Number.NEGATIVE_INFINITY
    const all = Array.from({ length: PARTITIONS }, (_, partition) => {
      const { timeMs, atMs } = this.#newest.get(partition) ?? { timeMs: -1, atMs: woke }
      return { timeMs, silentMs: nowMs - Math.max(atMs, woke) }
    })
    const waited = all.filter(({ silentMs }) => silentMs < IDLE_MS)
    const provisional = waited.length < all.length
    if (all.every(({ silentMs }) => silentMs >= REST_MS))
      return { slot: Math.floor(Math.max(...all.map(({ timeMs }) => timeMs)) / SLIDE_MS) + 1, provisional }
    if (waited.length === 0 || waited.some(({ timeMs }) => timeMs < 0)) return undefined
    const least = Math.min(...waited.map(({ timeMs }) => timeMs))
    return { slot: Math.floor((least - DELAY_MS) / SLIDE_MS), provisional }
  }

  /** Closed slots with uses among the `SLOTS` before `next`. */
  #inWindow(next: number): readonly Counts[] {
    const slots = Array.from({ length: SLOTS }, (_, i) => this.#closed.get(next - SLOTS + i))
    return slots.filter((counts) => counts !== undefined && counts.size > 0) as Counts[]
  }

  #close(slot: number): Slide {
    const left = slot - SLOTS
    this.#late += sum(this.#counted.get(left)) - sum(this.#closed.get(left))
    this.#closed.set(slot, new Map(this.#counted.get(slot)))
    const window: Counts = new Map()
    for (const counts of this.#inWindow(slot + 1))
      for (const [key, count] of counts) window.set(key, (window.get(key) ?? 0) + count)
    const top = [...window].map(([key, count]) => ({ key, count }))
    top.sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
    const late = this.#late
    this.#late = 0
    const to = (slot + 1) * SLIDE_MS
    const bursts = this.#burstsOf(slot)
    return { from: to - SLOTS * SLIDE_MS, to, top: top.slice(0, 20), bursts, uses: sum(window), late }
  }

  #burstsOf(slot: number): Slide['bursts'] {
    const counts = [...(this.#closed.get(slot) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [key, count] of counts) this.#bursts.add(key, slot * SLIDE_MS, count)
    return this.#bursts.closeTo((slot + 1) * SLIDE_MS).at(-1)?.bursts ?? []
  }
}

function sum(counts: Counts | undefined): number {
  return [...(counts?.values() ?? [])].reduce((total, count) => total + count, 0)
}
