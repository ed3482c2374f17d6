import type { BatchCoverage } from './batch-index.ts'
import { type RetractedStretch, type Retraction, retractionsDigest } from './retractions.ts'

/** Digest of what retractions take out of the records that a coverage holds. */
export function coveredRetractions(
  retractions: readonly RetractedStretch[],
  { partitions }: Pick<BatchCoverage, 'partitions'>,
): string {
  const within = partitions.flatMap(({ topic, partition, below }) =>
    retractions
      .filter((one) => one.topic === topic && one.partition === partition && one.from < below)
      .map((one) => ({ topic, partition, from: one.from, to: Math.min(one.to, below) })),
  )
  return retractionsDigest(within)
}

/** What a coverage notes of the retractions that its records are read without. */
export function retractionNotes(
  retractions: readonly Retraction[],
  covers: Pick<BatchCoverage, 'partitions'>,
): Pick<BatchCoverage, 'retractions' | 'retractionIds'> {
  const touches = (one: Retraction) =>
    covers.partitions.some(
      ({ topic, partition, below }) => one.topic === topic && one.partition === partition && one.from < below,
    )
  const retractionIds = retractions.filter(touches).map(({ id }) => id)
  return { retractions: coveredRetractions(retractions, covers), retractionIds }
}

/**
 * The retractions that a batch view was built with, whatever was recorded, withdrawn or recorded anew since. Undefined where
 * it leaves out what nobody ever retracted.
 */
export function retractionsOf(
  covers: Pick<BatchCoverage, 'partitions' | 'retractions' | 'retractionIds'>,
  all: readonly Retraction[],
): readonly Retraction[] | undefined {
  if (covers.retractionIds === undefined) return retractionsByTime(covers, all)
  const ids = new Set(covers.retractionIds)
  const held = all.filter(({ id }) => ids.has(id))
  return coveredRetractions(held, covers) === covers.retractions ? held : undefined
}

/**
 * Of a coverage that notes no ids: those that hold now, or those that held at some time before. Undefined where no time
 * fits, which may also be because clocks stepped or one was recorded anew.
 */
function retractionsByTime(
  covers: Pick<BatchCoverage, 'partitions' | 'retractions'>,
  all: readonly Retraction[],
): readonly Retraction[] | undefined {
  const times = all.flatMap(({ recordedMs, withdrawn }) => [recordedMs, withdrawn?.recordedMs ?? recordedMs])
  const newestFirst = [Number.POSITIVE_INFINITY, ...times.sort((a, b) => b - a).map((ms) => ms - 1)]
  return newestFirst
    .map((ms) =>
      all.filter(
        ({ recordedMs, withdrawn }) => recordedMs <= ms && !(withdrawn && withdrawn.recordedMs <= ms),
      ),
    )
    .find((held) => coveredRetractions(held, covers) === covers.retractions)
}
