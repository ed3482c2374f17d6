import { ClosedSlot, type SlotState } from './trends-slot.ts'
import { logTailOf } from './trends-tail.ts'

export interface BurstOptions {
  /** False bursts an hour that are put up with, over all keys, where uses are a Poisson process. Default 1. */
  readonly falsePerHour?: number
  /** Slots that are held against the past. Default 6: a minute. */
  readonly recentSlots?: number
  /** After so many slots a use weighs half as much in the past. Default 360: an hour. */
  readonly halfLifeSlots?: number
  /** No burst before so many slots of past. Default 60. */
  readonly warmUpSlots?: number
  /** Fewer uses within the recent slots are no burst. Default 10. */
  readonly usesMin?: number
}

export interface Burst {
  readonly key: string
  /** Uses in the recent slots, and how many were to be expected. */
  readonly uses: number
  readonly expected: number
  /** Probability of so many uses or more, as a power of ten: -9 is one in a thousand million. */
  readonly log10P: number
}

/** All that a `TrendsBursts` has come to know, as JSON; numbers come back as they went. */
export interface BurstsState {
  /** Those that are recent. */
  readonly slots: readonly SlotState[]
  /** Id, past, and the slot of past up to which that is weighed. */
  readonly past: readonly (readonly [id: number, past: number, weighedTo: number])[]
  readonly bursting: readonly number[]
  readonly pastUses: number
  readonly exposure: number
  readonly pastSlots: number
  /** The last slot and the first, null before there was any. */
  readonly number: number | null
  readonly start: number
}

const HOUR_MS = 3_600_000
/** The prior of a rate, Jeffreys': a key that was never used has half a use behind it. */
const PRIOR = 0.5
/** A baseline below it is none. */
const PAST_MIN = 1e-3

/**
 * Bursts of keys against their own past. The past of a key is its uses with exponentially falling weights, and says how
 * often it is used as a gamma distribution; uses to come are then negative binomial, the Poisson distribution whose mean is
 * not known better than that. When all the other keys together are used more than usually, as much more is expected of each.
 *
 * The recent slots are a burst where so many uses would come by chance less often than `falsePerHour`, shared out evenly
 * over the slides of an hour and the keys of a slide (Bonferroni). They become past when they are no longer recent, so that a
 * burst is not its own excuse. A burst is told once: it ends when its key is used no more than chance explains.
 */
export class TrendsBursts {
  readonly #falsePerSlide: number
  readonly #recentSlots: number
  readonly #decay: number
  readonly #warmUpSlots: number
  readonly #usesMin: number
  readonly #slots: { readonly number: number; readonly slot: ClosedSlot }[] = []
  #recent = new Int32Array(1024)
  #past = new Float64Array(1024)
  /** The slot up to which `#past` is weighed. */
  #weighedTo = new Float64Array(1024)
  #bursting = new Set<number>()
  #recentUses = 0
  #pastUses = 0
  /** Slots of past, weighed; and the last of them. */
  #exposure = 0
  #pastSlots = 0
  #number: number | undefined
  #start = 0

  constructor(options: BurstOptions, slideMs: number) {
    const { falsePerHour = 1, recentSlots = 6, halfLifeSlots = 360, warmUpSlots = 60, usesMin = 10 } = options
    this.#falsePerSlide = (falsePerHour * slideMs) / HOUR_MS
    this.#recentSlots = recentSlots
    this.#decay = 0.5 ** (1 / halfLifeSlots)
    this.#warmUpSlots = warmUpSlots
    this.#usesMin = usesMin
  }

  /** Room for ids below `length`. */
  reserve(length: number): void {
    if (length <= this.#recent.length) return
    const size = 2 ** Math.ceil(Math.log2(length))
    this.#recent = copied(this.#recent, new Int32Array(size))
    this.#past = copied(this.#past, new Float64Array(size))
    this.#weighedTo = copied(this.#weighedTo, new Float64Array(size))
  }

  /** The bursts that begin with slot `number`. */
  close(number: number, slot: ClosedSlot): readonly (Omit<Burst, 'key'> & { readonly id: number })[] {
    if (this.#number === undefined) this.#start = number
    const passed = this.#number === undefined ? 0 : number - this.#number
    this.#number = number
    for (let i = 0; i < passed; i++) this.#age(number - passed + 1 + i)
    this.#slots.push({ number, slot })
    this.#count(slot)
    const found: (Omit<Burst, 'key'> & { readonly id: number })[] = []
    if (this.#pastSlots < this.#warmUpSlots) return found
    const alpha = Math.log(this.#falsePerSlide / Math.max(1, slot.ids.length))
    for (const id of this.#bursting) if (this.#test(id).logP > alpha) this.#bursting.delete(id)
    for (const id of slot.ids) {
      if ((this.#recent[id] as number) < this.#usesMin || this.#bursting.has(id)) continue
      const { logP, expected } = this.#test(id)
      if (logP > alpha) continue
      this.#bursting.add(id)
      found.push({ id, uses: this.#recent[id] as number, expected, log10P: logP / Math.LN10 })
    }
    return found
  }

  toState(): BurstsState {
    const past: [number, number, number][] = []
    for (let id = 0; id < this.#past.length; id++)
      if (this.#past[id] !== 0) past.push([id, this.#past[id] as number, this.#weighedTo[id] as number])
    return {
      slots: this.#slots.map(({ number, slot }) => slot.toState(number)),
      past,
      bursting: [...this.#bursting],
      pastUses: this.#pastUses,
      exposure: this.#exposure,
      pastSlots: this.#pastSlots,
      number: this.#number ?? null,
      start: this.#start,
    }
  }

  /** Takes up what another one was at. `keys`: ids are below it. */
  resume(state: BurstsState, keys: number): void {
    this.reserve(keys)
    for (const one of state.slots) {
      const slot = ClosedSlot.fromState(one)
      this.#slots.push({ number: one[0], slot })
      this.#count(slot)
    }
    for (const [id, past, weighedTo] of state.past) {
      this.#past[id] = past
      this.#weighedTo[id] = weighedTo
    }
    this.#bursting = new Set(state.bursting)
    this.#pastUses = state.pastUses
    this.#exposure = state.exposure
    this.#pastSlots = state.pastSlots
    this.#number = state.number ?? undefined
    this.#start = state.start
  }

  /** Whether anything is known of the id. */
  holds(id: number): boolean {
    return (this.#recent[id] as number) > 0 || this.#pastOf(id) > PAST_MIN || this.#bursting.has(id)
  }

  renumber(to: Int32Array): void {
    const [recent, past, weighedTo] = [this.#recent, this.#past, this.#weighedTo]
    this.#recent = new Int32Array(recent.length)
    this.#past = new Float64Array(past.length)
    this.#weighedTo = new Float64Array(past.length)
    for (let id = 0; id < to.length; id++) {
      const next = to[id] as number
      if (next < 0) continue
      this.#recent[next] = recent[id] as number
      this.#past[next] = past[id] as number
      this.#weighedTo[next] = weighedTo[id] as number
    }
    this.#bursting = new Set([...this.#bursting].map((id) => to[id] as number))
    for (const [i, { number, slot }] of this.#slots.entries())
      this.#slots[i] = { number, slot: slot.renumbered(to) }
  }

  /** One slot goes by: what is no longer recent at slot `number` becomes past. */
  #age(number: number): void {
    if (number - this.#recentSlots < this.#start) return
    this.#exposure = this.#exposure * this.#decay + 1
    this.#pastUses *= this.#decay
    this.#pastSlots++
    const first = this.#slots[0]
    if (first === undefined || first.number > number - this.#recentSlots) return
    this.#slots.shift()
    const { ids, counts } = first.slot
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number
      const count = counts[i] as number
      this.#past[id] = this.#pastOf(id) + count
      this.#weighedTo[id] = this.#pastSlots
      this.#recent[id] = (this.#recent[id] as number) - count
      this.#recentUses -= count
      this.#pastUses += count
    }
  }

  #count({ ids, counts }: ClosedSlot): void {
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number
      this.#recent[id] = (this.#recent[id] as number) + (counts[i] as number)
      this.#recentUses += counts[i] as number
    }
  }

  #pastOf(id: number): number {
    return (this.#past[id] as number) * this.#decay ** (this.#pastSlots - (this.#weighedTo[id] as number))
  }

  #test(id: number): { readonly logP: number; readonly expected: number } {
    const uses = this.#recent[id] as number
    const past = this.#pastOf(id)
    const exposure = Math.max(1, this.#exposure)
    const othersBefore = ((this.#pastUses - past + PRIOR) / exposure) * this.#recentSlots
    const busier = Math.max(1, (this.#recentUses - uses) / othersBefore)
    const slots = this.#recentSlots * busier
    const expected = ((past + PRIOR) / exposure) * slots
    return { logP: logTailOf(uses, past + PRIOR, slots / (slots + exposure)), expected }
  }
}

function copied<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
