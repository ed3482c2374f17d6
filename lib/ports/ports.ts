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
  /**
   * Length of an epoch, ms, the unit in which the batch layer takes over from the speed layer: one for the whole life of
   * a deployment (lib/state/epoch-length.ts).
   */
  readonly epochMs: number
  readonly log: EventLog
  readonly keyed: KeyedStore
  readonly objects: ObjectStore
  readonly publisher: Publisher
  readonly metrics: Metrics
  readonly clock: Clock
  /**
   * An invocation has begun and will be killed at `endsAtMs` (Unix ms): from now on no request may be under way so late
   * that it could land after that (docs/exactness.md, rule 2). Absent where requests cannot outlive their caller.
   */
  beginInvocation?(endsAtMs: number): void
  close(): Promise<void>
}

/** To be called first by every handler. A Lambda context says how much time is left. */
export function beginInvocation(
  ports: Pick<Ports, 'clock' | 'beginInvocation'>,
  context: { getRemainingTimeInMillis(): number },
): void {
  ports.beginInvocation?.(ports.clock.nowMs() + context.getRemainingTimeInMillis())
}
