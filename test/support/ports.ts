import type { EventLog } from '../../lib/ports/event-log.ts'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from './memory-keyed.ts'
import { MemoryLog } from './memory-log.ts'

/** Ports in memory, with those that a test gives. */
export function testPorts(
  given: { log?: EventLog; keyed?: KeyedStore; objects?: MemoryObjects } = {},
): Ports {
  return {
    site: 'here',
    epochMs: 60_000,
    log: given.log ?? new MemoryLog(),
    keyed: given.keyed ?? new MemoryKeyed(),
    objects: given.objects ?? new MemoryObjects(),
    publisher: { maxFrameBytes: 32_768, send: async () => 'gone', close: async () => undefined },
    metrics: { record: () => undefined },
    clock: { nowMs: () => Date.now(), sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
    close: async () => undefined,
  }
}

/** An invocation with all the time it needs. */
export const AMPLE = { getRemainingTimeInMillis: () => 60_000 }
