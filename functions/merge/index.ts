import { openPorts } from '#ports'
import { batchSettings, DEPLOYED } from '../../lib/batch/settings.ts'
import { type BatchSteps, batchSteps } from '../../lib/batch/steps.ts'
import { beginInvocation } from '../../lib/ports/ports.ts'
import { streamNamed } from '../../streams/index.ts'

const ports = await openPorts(process.env)
const steps = batchSteps(ports, streamNamed, batchSettings(process.env, DEPLOYED))

export async function handler(
  event: Parameters<BatchSteps['merge']>[0],
  context: { getRemainingTimeInMillis(): number },
): ReturnType<BatchSteps['merge']> {
  beginInvocation(ports, context)
  return steps.merge(event)
}
