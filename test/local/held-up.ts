import type { EventLog } from '../../lib/ports/event-log.ts'

/** The log, with appends that wait for `gate` first. */
export function heldUp(log: EventLog, gate: Promise<unknown>): EventLog {
  return {
    maxBatchBytes: log.maxBatchBytes,
    createTopic: (...args) => log.createTopic(...args),
    describeTopic: (...args) => log.describeTopic(...args),
    addPartitions: (...args) => log.addPartitions(...args),
    append: async (...args) => {
      await gate
      return log.append(...args)
    },
    read: (...args) => log.read(...args),
    fence: (...args) => log.fence(...args),
    offsets: (...args) => log.offsets(...args),
    close: () => log.close(),
  }
}
