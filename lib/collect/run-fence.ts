import { TopicFence, type TopicFenceOptions } from '../state/topic-fence.ts'

export interface RunFenceOptions extends TopicFenceOptions {
  /** Rejects with a RunTakenError where this process does not hold the run any more. */
  readonly requireHeld: () => Promise<void>
}

/** The right to append for a run: no process raises it that has lost the run to another. */
export class RunFence extends TopicFence {
  /** Unlike for other work, who holds a run must be asked. */
  constructor(options: RunFenceOptions) {
    super(options)
  }
}
