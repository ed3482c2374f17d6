export interface WatermarkOptions {
  /** How much later than others a record may come. Default 20 s. */
  readonly delayMs?: number
  /** A partition that gave nothing for so long is not waited for. Default 60 s. */
  readonly idleMs?: number
  /** When all have given nothing for so long, nothing is waited for. Default 3 minutes. */
  readonly restMs?: number
}

export interface WatermarkAt {
  /** What is before it is complete. -Infinity while that cannot be said of anything. */
  readonly timeMs: number
  /** Some were not waited for: they may have older records yet. */
  readonly provisional: boolean
  /** Nothing comes any more: `timeMs` is the greatest event time of all, and what holds it is taken for complete, too. */
  readonly atRest: boolean
}

/**
 * How far time has come in all partitions: the least of their greatest event times, less the delay. Idle partitions are left
 * out, and what is closed meanwhile is provisional: they may have older records yet. When all are idle time stands still,
 * and once they are at rest it goes to the last record there is.
 */
export class Watermark {
  readonly #delayMs: number
  readonly #idleMs: number
  readonly #restMs: number
  readonly #seen = new Map<number, { timeMs: number; atMs: number }>()
  #timeMs = Number.NEGATIVE_INFINITY

  constructor({ delayMs = 20_000, idleMs = 60_000, restMs = 180_000 }: WatermarkOptions = {}) {
    this.#delayMs = delayMs
    this.#idleMs = idleMs
    this.#restMs = restMs
  }

  /** Of a partition that has yet to give something the time is -Infinity, `nowMs` since when it is waited for. */
  see(partition: number, eventTimeMs: number, nowMs: number): void {
    const before = this.#seen.get(partition)
    if (before === undefined) this.#seen.set(partition, { timeMs: eventTimeMs, atMs: nowMs })
    else {
      before.timeMs = Math.max(before.timeMs, eventTimeMs)
      before.atMs = nowMs
    }
  }

  /** Never goes back. */
  at(nowMs: number): WatermarkAt {
    const all = [...this.#seen.values()]
    const awake = all.filter(({ atMs }) => nowMs - atMs < this.#idleMs)
    const atRest = all.length > 0 && all.every(({ atMs }) => nowMs - atMs >= this.#restMs)
    const times = awake.map(({ timeMs }) => timeMs - this.#delayMs)
    const least = atRest ? Math.max(...all.map(({ timeMs }) => timeMs)) : Math.min(...times)
    if (atRest || awake.length > 0) this.#timeMs = Math.max(this.#timeMs, least)
    return { timeMs: this.#timeMs, provisional: awake.length < all.length, atRest }
  }
}
