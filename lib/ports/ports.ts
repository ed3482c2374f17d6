import type { Clock } from './clock.ts'
import type { EventLog } from './event-log.ts'
import type { KeyedStore } from './keyed-store.ts'
import type { Metrics } from './metrics.ts'
import type { ObjectStore } from './object-store.ts'
import type { Publisher } from './publisher.ts'

/**
 * Everything a stage may touch of the world. `#ports` resolves to lib/aws/ports.ts, or to lib/local/ports.ts under
 * Node's `--conditions=local`; both export `openPorts(env): Ports`, and that is the only difference between a function
 * in Lambda and the same function on one machine.
 */
export interface Ports {
  /** The name of this deployment, part of every record's origin. */
  readonly site: string
  readonly log: EventLog
  readonly keyed: KeyedStore
  readonly objects: ObjectStore
  readonly publisher: Publisher
  readonly metrics: Metrics
  readonly clock: Clock
  close(): Promise<void>
}
