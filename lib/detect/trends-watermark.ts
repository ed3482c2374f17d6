export interface WatermarkOptions {
  /** How much later than others a record may come. Default 20 s. */
  readonly delayMs?: number
  /** A partition that gave nothing for so long is not waited for. Default 60 s. */
  readonly idleMs?: number
}

/**
 * How far time has come in all partitions: the least of their greatest event times, less the delay. Idle partitions are left
 * out, and what is closed meanwhile is provisional: they may have older records yet.
 */
export class Watermark {
  readonly #delayMs: number
  readonly #idleMs: number
  readonly #seen = new Map<number, { timeMs: number; atMs: number }>()
  #timeMs = Number.NEGATIVE_INFINITY

  constructor({ delayMs = 20_000, idleMs = 60_000 }: WatermarkOptions = {}) {
    this.#delayMs = delayMs
    this.#idleMs = idleMs
  }

  see(partition: number, eventTimeMs: number, nowMs: number): void {
    const before = this.#seen.get(partition)
    if (before === undefined) this.#seen.set(partition, { timeMs: eventTimeMs, atMs: nowMs })
    else {
      before.timeMs = Math.max(before.timeMs, eventTimeMs)
      before.atMs = nowMs
    }
  }

  /** Never goes back. -Infinity while nothing was seen. */
  at(nowMs: number): { readonly timeMs: number; readonly provisional: boolean } {
    const all = [...this.#seen.values()]
    const awake = all.filter(({ atMs }) => nowMs - atMs < this.#idleMs)
    const least = Math.min(...awake.map(({ timeMs }) => timeMs)) - this.#delayMs
    if (awake.length > 0) this.#timeMs = Math.max(this.#timeMs, least)
    return { timeMs: this.#timeMs, provisional: awake.length < all.length }
  }
}
