import type { KeyedStore } from '../ports/keyed-store.ts'
import type { BatchCoverage } from '../state/batch-index.ts'
import { padded } from '../state/padded.ts'
import { NO_PROGRESS, type Progress, readAllProgress } from '../state/progress.ts'
import { coverage, readSinces, sinceId } from '../state/view-since.ts'
import { enrichedTwin } from '../stream/topic.ts'
import type { View } from '../views/view.ts'

/**
 * Whether the boards of a view hold every record of the epochs from the horizon on that `count` has passed, so that they
 * and the batch view together miss none (rule 9 of docs/exactness.md). Undefined where they do, else what is missing.
 */
export async function missingOnBoards(
  keyed: KeyedStore,
  view: View,
  { partitions }: Pick<BatchCoverage, 'partitions'>,
): Promise<string | undefined> {
  const progress = await progressOf(
    keyed,
    partitions.map(({ topic }) => topic),
  )
  // Read after the progress: what has been declared is never behind it.
  const declared = await readSinces(keyed, view)
  const beyond = new Map(partitions.map((one) => [sinceId(one), one.beyond]))
  const [, stream = ''] = /^([^.]+)\./.exec(view.id) ?? []
  for (const id of new Set([...beyond.keys(), ...progress.keys(), ...declared.keys()])) {
    const { from } = coverage(view, progress.get(id) ?? NO_PROGRESS, declared.get(id))
    // Of a partition that the plan does not know nothing is covered.
    if (from > (beyond.get(id) ?? 0))
      return `its boards of ${id.replace(/\/0*(?=\d)/, '-')} hold ${stream} records from offset ${from} on, the horizon lies at ${beyond.get(id) ?? 0}`
  }
  return undefined
}

/** The progress of `count` by `sinceId` of the raw partition. */
async function progressOf(
  keyed: KeyedStore,
  topics: readonly string[],
): Promise<ReadonlyMap<string, Progress>> {
  const all = new Map<string, Progress>()
  for (const topic of new Set(topics))
    for (const [partition, progress] of await readAllProgress(keyed, 'count', enrichedTwin(topic)))
      all.set(`${topic}/${padded(partition)}`, progress)
  return all
}
