/** Which streams somebody looks at: the demo makes records of the others only for whoever asks for them. */
export class Attention {
  readonly #lastMs = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Somebody has asked for something of the stream. */
  note(stream: string): void {
    this.#lastMs.set(stream, this.#nowMs())
    const waiting = this.#waiting.get(stream)
    this.#waiting.delete(stream)
    for (const resolve of waiting ?? []) resolve()
  }

  /** Whether somebody has asked within the last `withinMs`. */
  lately(stream: string, withinMs: number): boolean {
    return this.#nowMs() - (this.#lastMs.get(stream) ?? Number.NEGATIVE_INFINITY) <= withinMs
  }

  /** Resolves with the next asking, or when the signal aborts. */
  next(stream: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const done = () => {
        // A signal outlives many waits: a listener left on it at each would pile up.
        signal.removeEventListener('abort', done)
        const others = this.#waiting.get(stream)?.filter((waiting) => waiting !== done) ?? []
        if (others.length > 0) this.#waiting.set(stream, others)
        else this.#waiting.delete(stream)
        resolve()
      }
      signal.addEventListener('abort', done)
      this.#waiting.set(stream, [...(this.#waiting.get(stream) ?? []), done])
    })
  }
}
