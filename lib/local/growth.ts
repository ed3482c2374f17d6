import type { EventLog } from '../ports/event-log.ts'
import { topicName } from '../stream/topic.ts'
import type { MappedStage, Mapping } from './mapping.ts'

/**
 * Has the mappings of a stream serve partitions that were added to its raw topic since, as a deployed mapping finds them by
 * itself. Resolves with true where there were any. Enriched is grown along where somebody grew raw alone: score refuses
 * a partition without a twin.
 */
export async function noteGrowth(
  log: Pick<EventLog, 'describeTopic' | 'createTopic'>,
  stream: string,
  mappings: Readonly<Record<MappedStage, Pick<Mapping, 'grow' | 'partitions'>>>,
): Promise<boolean> {
  const { partitions = 0 } = (await log.describeTopic(topicName(stream, 'raw'))) ?? {}
  if (partitions <= mappings.score.partitions) return false
  await log.createTopic(topicName(stream, 'enriched'), partitions)
  // Who reads what score writes comes first, so that a look at all lags never misses a partition.
  for (const stage of ['archive', 'count', 'notify', 'score'] as const) await mappings[stage].grow(partitions)
  return true
}
