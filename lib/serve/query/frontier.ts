import { afterLost } from '../../master/coverage.ts'
import type { Manifest } from '../../master/manifest.ts'
import { filesOf, readManifest } from '../../master/manifest-store.ts'
import type { Ports } from '../../ports/ports.ts'
import { lostRanges } from '../../state/lost.ts'
import { mapAtOnce } from '../../stream/at-once.ts'
import type { Stream } from '../../stream/define.ts'
import { topicName } from '../../stream/topic.ts'

export type FrontierPorts = Pick<Ports, 'log' | 'keyed' | 'objects'>

/**
 * Up to where the master is complete, ms: every record that was appended before it is in it. A partition whose end the
 * archive has reached is complete up to now, less `slackMs`, which the log's clock may be behind; another one up to its last
 * archived record, less `slackMs` too, which append times may step back where another broker comes to lead it.
 */
export async function masterFrontier(
  { log, keyed, objects }: FrontierPorts,
  stream: Pick<Stream, 'name'>,
  nowMs: number,
  slackMs: number,
): Promise<number> {
  const topic = topicName(stream.name, 'raw')
  const partitions = (await log.describeTopic(topic))?.partitions ?? 0
  const completeTo = async (partition: number) => {
    // The end before the manifest: what the archive takes in meanwhile is no harm.
    const { end } = await log.offsets(topic, partition)
    const { manifest } = await readManifest(objects, stream.name, topic, partition)
    const reached = afterLost(manifest.progress.highestOrigin + 1, await lostRanges(keyed, topic, partition))
    return reached < end ? await lastAppendMs(objects, manifest) : nowMs
  }
  const all = await mapAtOnce(
    Array.from({ length: partitions }, (_, partition) => partition),
    completeTo,
  )
  return Math.max(0, all.reduce((least, one) => Math.min(least, one), nowMs) - slackMs)
}

/** Of the newest record in the master; 0 without any. */
async function lastAppendMs(objects: Ports['objects'], manifest: Manifest): Promise<number> {
  const { highestOrigin } = manifest.progress
  let lastMs = 0
  for await (const { maxAppendMs } of filesOf(objects, manifest, ({ to }) => to > highestOrigin))
    lastMs = Math.max(lastMs, maxAppendMs)
  return lastMs
}
