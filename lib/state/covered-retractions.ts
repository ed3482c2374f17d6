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

/**
 * The retractions that a batch view was built with: those that hold now, or those that held at some time before where one
 * was recorded or withdrawn since. Undefined where no time fits: it leaves out what nobody ever retracted.
 */
export function retractionsOf(
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
