import { describe, it } from 'vitest'
import type { EventLog } from '../../lib/ports/event-log.ts'

export interface OpenEventLog {
  readonly log: EventLog
  /** Closes the log and opens the same storage again; left out where that means nothing. */
  readonly reopen?: () => Promise<EventLog>
  readonly close: () => Promise<void>
}

/** Registers the contract of `EventLog` for one implementation. Topic names are unique, so a shared server will do. */
export function eventLogContract(name: string, _open: () => Promise<OpenEventLog>): void {
  describe(`EventLog contract: ${name}`, () => {
    it.todo('holds')
  })
}
