import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'

export interface WatchedTopic {
  readonly topic: string
  readonly partitions: number
}

/** While records come, the ends are asked for this often; and less often the longer none came. */
const POLL_MS = 10
const POLL_MS_MAX = 100

/**
 * Learns that a log on a server has grown by asking for its ends: `onEnd` is told each end that has moved. A poll that
 * fails is told and tried again.
 */
export class LogEnds {
  readonly #log: Pick<EventLog, 'offsets'>
  readonly #clock: Clock
  readonly #topics: () => readonly WatchedTopic[]
  readonly #onEnd: (topic: string, partition: number, end: number) => void
  readonly #onTrouble: (error: unknown) => void
  readonly #known = new Map<string, number>()
  readonly #abort = new AbortController()
  #loop: Promise<void> | undefined

  constructor(options: {
    readonly log: Pick<EventLog, 'offsets'>
    readonly clock: Clock
    /** Asked for at each look: topics grow. */
    readonly topics: () => readonly WatchedTopic[]
    readonly onEnd: (topic: string, partition: number, end: number) => void
    readonly onTrouble: (error: unknown) => void
  }) {
    this.#log = options.log
    this.#clock = options.clock
    this.#topics = options.topics
    this.#onEnd = options.onEnd
    this.#onTrouble = options.onTrouble
  }

  start(): void {
    this.#loop ??= this.#poll()
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#loop
  }

  /** Asks now. Resolves with true where an end has moved, once `onEnd` has been told all. */
  async refresh(topic?: string): Promise<boolean> {
    const asked = this.#topics().filter((one) => topic === undefined || one.topic === topic)
    const moved = await Promise.all(asked.map((one) => this.#refreshTopic(one)))
    return moved.includes(true)
  }

  async #refreshTopic({ topic, partitions }: WatchedTopic): Promise<boolean> {
    const moved = await Promise.all(
      Array.from({ length: partitions }, async (_, partition) => {
        const key = `${topic}/${partition}`
        const { end } = await this.#log.offsets(topic, partition)
        if (end <= (this.#known.get(key) ?? 0)) return false
        this.#known.set(key, end)
        this.#onEnd(topic, partition, end)
        return true
      }),
    )
    return moved.includes(true)
  }

  async #poll(): Promise<void> {
    const { signal } = this.#abort
    let pauseMs = POLL_MS
    while (!signal.aborted) {
      try {
        pauseMs = (await this.refresh()) ? POLL_MS : Math.min(POLL_MS_MAX, pauseMs * 1.3)
      } catch (error) {
        pauseMs = POLL_MS_MAX
        if (!signal.aborted) this.#onTrouble(error)
      }
      await this.#clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }
}
