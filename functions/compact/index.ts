import { openPorts } from '#ports'
import { keepUp, type Upkeep } from '../../lib/master/upkeep.ts'
import { beginInvocation } from '../../lib/ports/ports.ts'
import { streamNamed } from '../../streams/index.ts'

/** What the schedule passes. */
interface CompactEvent {
  readonly stream: string
}

/** Time that is kept for ending a file that is being written, and for the sweeps. */
const LAST_MS = 180_000

const ports = await openPorts(process.env)

export async function handler(
  { stream }: CompactEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<Upkeep> {
  beginInvocation(ports, context)
  const leftMs = context.getRemainingTimeInMillis()
  const endsAtMs = ports.clock.nowMs() + Math.max(leftMs / 2, leftMs - LAST_MS)
  const upkeep = await keepUp(ports, streamNamed(stream).name, { endsAtMs })
  const [problem] = upkeep.compacted.problems
  // All else is done; the failure raises the alarm.
  if (problem !== undefined) throw new Error(problem)
  return upkeep
}
