import { type Burst, type BurstOptions, type BurstsState, TrendsBursts } from './trends-bursts.ts'
import { ClosedSlot, OpenSlot, type SlotState } from './trends-slot.ts'
import { type Ranked, topOf } from './trends-top.ts'

export interface TrendsOptions {
  /** Length of a slide, ms, which is that of a slot, too. Default 10 s. */
  readonly slideMs?: number
  /** A multiple of `slideMs`. Default 10 minutes. */
  readonly windowMs?: number
  /** Default 10. */
  readonly k?: number
  readonly bursts?: BurstOptions
}

/** The window [from, to) and its most used keys; of equally used ones, those first in order of text. */
export interface Slide {
  readonly from: number
  readonly to: number
  readonly top: readonly Ranked[]
  /** Keys whose burst begins with this slide. */
  readonly bursts: readonly Burst[]
  /** Uses in the window. */
  readonly uses: number
  /** Uses that came for slots that had been closed, since the slide before: they are in no slide. */
  readonly late: number
}

/** All that a `Trends` has come to know, as JSON: one made of it goes on as the other would have, to the bit. */
export interface TrendsState {
  readonly version: 1
  readonly slideMs: number
  readonly slots: number
  /** By id. */
  readonly keys: readonly string[]
  /** Number of the first slot that is not closed; null before the first use. */
  readonly next: number | null
  readonly late: number
  readonly forgetAt: number
  readonly open: readonly SlotState[]
  /** Those of the window. */
  readonly closed: readonly SlotState[]
  readonly bursts: BurstsState
}

const SLIDE_MS = 10_000
const WINDOW_MS = 600_000
/** Keys that are no longer in use are looked for when there are so many, and again when there are twice as many as stayed. */
const FORGET_MIN = 65_536

/**
 * Exact top-k over a window that slides: counts are kept by slot, a slide adds the slot that closes and takes off the one
 * that leaves. A use counts in every slide whose window holds its slot if it comes before its slot closes, and in none if
 * it comes later. Which slots close, and when, the caller says: a watermark behind the greatest event time
 * (trends-watermark.ts).
 *
 * Memory: some 40 bytes for each key of the window or of the burst baseline, and 8 for each key of a slot.
 */
export class Trends {
  readonly #slideMs: number
  readonly #slots: number
  readonly #k: number
  readonly #bursts: TrendsBursts
  #ids = new Map<string, number>()
  #keys: string[] = []
  #window = new Int32Array(1024)
  #forgetAt = FORGET_MIN
  #uses = 0
  #late = 0
  /** Number of the first slot that is not closed; undefined before the first use. */
  #next: number | undefined
  readonly #open = new Map<number, OpenSlot>()
  /** The last use's slot: uses mostly come in order. */
  #lastNumber = Number.NaN
  #last = new OpenSlot()
  #spare = new OpenSlot()
  /** By slot, those of the window. */
  readonly #closed = new Map<number, ClosedSlot>()

  constructor({ slideMs = SLIDE_MS, windowMs = WINDOW_MS, k = 10, bursts = {} }: TrendsOptions = {}) {
    if (!(slideMs > 0 && windowMs >= slideMs && windowMs % slideMs === 0))
      throw new RangeError(`a window of ${windowMs} ms is no multiple of a slide of ${slideMs} ms`)
    this.#slideMs = slideMs
    this.#slots = windowMs / slideMs
    this.#k = k
    this.#bursts = new TrendsBursts(bursts, slideMs)
  }

  /** Goes on from a `toState`, under the same options. Throws a RangeError where slides or window were of another length. */
  static fromState(state: TrendsState, options: TrendsOptions = {}): Trends {
    const trends = new Trends(options)
    const { version, slideMs, slots } = state
    if (version !== 1 || slideMs !== trends.#slideMs || slots !== trends.#slots)
      throw new RangeError(
        `a state of version ${version}, ${slots} slots of ${slideMs} ms, is no state of ${trends.#slots} slots of ${trends.#slideMs} ms`,
      )
    trends.#resume(state)
    return trends
  }

  toState(): TrendsState {
    return {
      version: 1,
      slideMs: this.#slideMs,
      slots: this.#slots,
      keys: this.#keys,
      next: this.#next ?? null,
      late: this.#late,
      forgetAt: this.#forgetAt,
      open: Array.from(this.#open, ([number, slot]) => slot.toState(number)),
      closed: Array.from(this.#closed, ([number, slot]) => slot.toState(number)),
      bursts: this.#bursts.toState(),
    }
  }

  /** Keys that are held. */
  get keys(): number {
    return this.#keys.length
  }

  /** Start of the first slot that is not closed, ms; undefined before the first use. */
  get nextMs(): number | undefined {
    return this.#next === undefined ? undefined : this.#next * this.#slideMs
  }

  /** Uses in the closed slots of the window. */
  get uses(): number {
    return this.#uses
  }

  /** Uses in the slot that begins at `startMs` when it was closed; 0 of one that is no longer in the window. */
  closedUses(startMs: number): number {
    return this.#closed.get(startMs / this.#slideMs)?.uses ?? 0
  }

  /** Says that so many uses came for slots that had been closed: the next slide tells. */
  addLate(uses: number): void {
    this.#late += uses
  }

  add(key: string, eventTimeMs: number, uses = 1): void {
    const slot = Math.floor(eventTimeMs / this.#slideMs)
    if (this.#next !== undefined && slot < this.#next) {
      this.#late += uses
      return
    }
    let id = this.#ids.get(key)
    if (id === undefined) {
      id = this.#keys.push(key) - 1
      this.#ids.set(key, id)
    }
    if (slot !== this.#lastNumber) {
      this.#lastNumber = slot
      this.#last = this.#open.get(slot) ?? this.#newSlot(slot)
    }
    this.#last.add(id, uses)
  }

  /** Closes the slots that end at `watermarkMs` or before, one slide each, but for slides with nothing in their window. */
  closeTo(watermarkMs: number): Slide[] {
    const end = Math.floor(watermarkMs / this.#slideMs)
    const slides: Slide[] = []
    this.#next ??= Math.min(end, ...this.#open.keys())
    while (this.#next < end) {
      if (this.#uses === 0 && this.#closed.size === 0 && !this.#open.has(this.#next)) {
        this.#next = Math.min(end, ...this.#open.keys())
        continue
      }
      slides.push(this.#close(this.#next++))
    }
    if (this.#keys.length >= this.#forgetAt && slides.length > 0) this.#forget()
    return slides
  }

  /** Its arrays are as long as there are keys, so one that has been closed is used again. */
  #newSlot(number: number): OpenSlot {
    const slot = this.#spare
    this.#spare = new OpenSlot()
    this.#open.set(number, slot)
    return slot
  }

  #close(number: number): Slide {
    this.#reserve()
    const open = this.#open.get(number) ?? this.#spare
    const closing = open.close()
    this.#spare = open
    this.#open.delete(number)
    if (number === this.#lastNumber) this.#lastNumber = Number.NaN
    if (closing.ids.length > 0) this.#closed.set(number, closing)
    this.#apply(closing, 1)
    const leaving = this.#closed.get(number - this.#slots)
    if (leaving !== undefined) this.#apply(leaving, -1)
    this.#closed.delete(number - this.#slots)
    const bursts = this.#bursts.close(number, closing)
    const to = (number + 1) * this.#slideMs
    const late = this.#late
    this.#late = 0
    return {
      from: to - this.#slots * this.#slideMs,
      to,
      top: topOf(this.#window.subarray(0, this.#keys.length), this.#keys, this.#k),
      bursts: bursts.map(({ id, ...burst }) => ({ key: this.#keys[id] as string, ...burst })),
      uses: this.#uses,
      late,
    }
  }

  #apply({ ids, counts }: ClosedSlot, sign: number): void {
    for (let i = 0; i < ids.length; i++) {
      const count = sign * (counts[i] as number)
      this.#window[ids[i] as number] = (this.#window[ids[i] as number] as number) + count
      this.#uses += count
    }
  }

  #resume({ keys, next, late, forgetAt, open, closed, bursts }: TrendsState): void {
    this.#keys = [...keys]
    this.#ids = new Map(keys.map((key, id) => [key, id]))
    this.#next = next ?? undefined
    this.#late = late
    this.#forgetAt = forgetAt
    this.#reserve()
    for (const [number, ids, counts] of open) {
      const slot = new OpenSlot()
      for (const [i, id] of ids.entries()) slot.add(id, counts[i] ?? 0)
      this.#open.set(number, slot)
    }
    for (const one of closed) {
      const slot = ClosedSlot.fromState(one)
      this.#closed.set(one[0], slot)
      this.#apply(slot, 1)
    }
    this.#bursts.resume(bursts, keys.length)
  }

  #reserve(): void {
    const needed = this.#keys.length
    this.#bursts.reserve(needed)
    if (needed <= this.#window.length) return
    const grown = new Int32Array(2 ** Math.ceil(Math.log2(needed)))
    grown.set(this.#window)
    this.#window = grown
  }

  /** Numbers the keys anew, without those that no slot and no baseline has. */
  #forget(): void {
    this.#reserve()
    const used = new Uint8Array(this.#keys.length)
    for (const slot of this.#open.values()) for (const id of slot.ids()) used[id] = 1
    let count = 0
    for (let id = 0; id < used.length; id++) {
      if (used[id] === 0 && (this.#window[id] !== 0 || this.#bursts.holds(id))) used[id] = 1
      count += used[id] as number
    }
    this.#forgetAt = Math.max(FORGET_MIN, 2 * count)
    if (count > this.#keys.length / 2) return
    const renumbered = new Int32Array(used.length).fill(-1)
    const keys: string[] = []
    for (let id = 0; id < used.length; id++)
      if (used[id] === 1) renumbered[id] = keys.push(this.#keys[id] as string) - 1
    this.#window = moved(this.#window, renumbered, new Int32Array(this.#window.length))
    for (const [number, slot] of this.#open) this.#open.set(number, slot.renumbered(renumbered))
    for (const [number, slot] of this.#closed) this.#closed.set(number, slot.renumbered(renumbered))
    this.#bursts.renumber(renumbered)
    this.#lastNumber = Number.NaN
    this.#keys = keys
    this.#ids = new Map(keys.map((key, id) => [key, id]))
  }
}

function moved(
  from: Int32Array,
  renumbered: Int32Array,
  to: Int32Array<ArrayBuffer>,
): Int32Array<ArrayBuffer> {
  for (let id = 0; id < renumbered.length; id++) {
    const next = renumbered[id] as number
    if (next >= 0) to[next] = from[id] as number
  }
  return to
}
