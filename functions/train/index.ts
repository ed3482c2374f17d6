import { openPorts } from '#ports'
import { type Training, trainStream } from '../../lib/batch/train.ts'
import { beginInvocation } from '../../lib/ports/ports.ts'
import { streamNamed } from '../../streams/index.ts'

/** What the state machine passes: whose model, and what makes the training repeatable. */
interface TrainEvent {
  readonly stream: string
  readonly seed?: number
}

const ports = await openPorts(process.env)

export async function handler(
  { stream, seed = 1 }: TrainEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<Training> {
  beginInvocation(ports, context)
  return trainStream(ports, streamNamed(stream), { seed })
}
