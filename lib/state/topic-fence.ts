import { PortError } from '../ports/errors.ts'
import type { FencedTopic } from '../ports/event-log.ts'
import type { Ports } from '../ports/ports.ts'
import { noteFencing, recordGaps } from './fencings.ts'

export interface TopicFenceOptions {
  readonly ports: Pick<Ports, 'log' | 'keyed'>
  readonly topic: string
  /** The same for every process that ever does this work. */
  readonly name: string
  /** Asked before it is raised: rejects where this process has the work no more. */
  readonly requireHeld?: () => Promise<void>
}

/**
 * The right of one process to append under a name (docs/exactness.md, rule 12). Whoever raises it takes it from the one
 * before, whose outstanding appends then land never: so what has landed is looked for after it was raised, never before.
 * After an append failed it is raised anew, for all partitions together: until then that append could still land.
 */
export class TopicFence {
  readonly #options: TopicFenceOptions
  #raising: Promise<FencedTopic> | undefined
  #raised: FencedTopic | undefined

  constructor(options: TopicFenceOptions) {
    this.#options = options
  }

  /** Where to append; raised now where it has not been. */
  current(): Promise<FencedTopic> {
    this.#raising ??= this.#raise()
    return this.#raising
  }

  /** Where to append after `failed` did. What was under way through it has landed by now, or never will. */
  after(failed: FencedTopic): Promise<FencedTopic> {
    this.lower(failed)
    return this.current()
  }

  /** Has it raised anew before the next append, because one through `failed` has failed. */
  lower(failed: FencedTopic): void {
    if (this.#raised !== failed) return
    this.#raised = undefined
    this.#raising = undefined
  }

  /** True where `error` says only that this process itself has raised the fence since. */
  isOwnDoing(error: unknown, through: FencedTopic | undefined): boolean {
    const locked = error instanceof PortError && error.code === 'LOCKED'
    return locked && through !== undefined && this.#raised !== through
  }

  async #raise(): Promise<FencedTopic> {
    const { ports, topic, name, requireHeld } = this.#options
    try {
      await requireHeld?.()
      await noteFencing(ports, topic, name)
      const raised = await ports.log.fence(name, topic)
      await recordGaps(ports, topic)
      this.#raised = raised
      return raised
    } catch (error) {
      this.#raising = undefined
      throw error
    }
  }
}
