import type { Clock } from '../../ports/clock.ts'
import type { HistoryFound } from '../../stream/history.ts'

interface Held {
  readonly found: HistoryFound | undefined
  readonly readMs: number
}

/** What was found by the name of the lookup: as many as `heldMax`, the one not asked for longest goes first. */
export class HistoryCache {
  readonly #held = new Map<string, Held>()
  readonly #clock: Clock
  readonly #heldMax: number
  readonly #ageMsMax: number

  constructor(clock: Clock, { heldMax, ageMsMax }: { readonly heldMax: number; readonly ageMsMax: number }) {
    this.#clock = clock
    this.#heldMax = heldMax
    this.#ageMsMax = ageMsMax
  }

  get size(): number {
    return this.#held.size
  }

  /** Undefined where it is not known, or was read too long ago. */
  get(id: string): Held | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    this.#held.delete(id)
    // A clock that stepped back must not keep it for ever.
    if (Math.abs(this.#clock.nowMs() - held.readMs) >= this.#ageMsMax) return undefined
    this.#held.set(id, held)
    return held
  }

  keep(id: string, found: HistoryFound | undefined, readMs: number): void {
    this.#held.delete(id)
    this.#held.set(id, { found, readMs })
    if (this.#held.size <= this.#heldMax) return
    const [oldest] = this.#held.keys()
    if (oldest !== undefined) this.#held.delete(oldest)
  }
}
