import type { Ports } from '../lib/ports/ports.ts'
import { activeModel } from '../lib/state/models.ts'
import type { Stream } from '../lib/stream/define.ts'

/** Whether a stream that has a detector has no model for it yet. */
export async function lacksModel(ports: Pick<Ports, 'keyed'>, stream: Stream): Promise<boolean> {
  return stream.detector !== undefined && (await activeModel(ports, stream.name)) === undefined
}

export function noModelHint(stream: string): string {
  return `${stream} has no model yet, so nothing was scored and no alert raised: \`weir train ${stream}\` makes one from what is in the master.`
}
