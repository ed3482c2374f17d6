import { beginInvocation, type Ports } from '../ports/ports.ts'
import { lostRanges } from '../state/lost.ts'
import type { Progress } from '../state/progress.ts'
import { type EntryText, entryOrigin, firstSeen, OriginGapError } from './first-seen.ts'
import {
  decodeValues,
  type KafkaAnswer,
  type KafkaHandler,
  type PartitionBatch,
  partitionsOf,
} from './kafka-event.ts'
import { reportFailure } from './report-failure.ts'

/**
 * A consumer of enriched partitions: `count`, `archive` and `notify`. The runner below decodes the batch, keeps what is
 * first seen, and retries when another invocation (a zombie, or the owner if this is the zombie) was faster.
 */
export interface EntryStage<Loaded extends { readonly progress: Progress }> {
  readonly name: string
  /** The partition's progress, read strongly consistent, with whatever the stage needs to replace it under a condition. */
  load(topic: string, partition: number): Promise<Loaded>
  /**
   * Does the effects of `batch` and then moves the progress from `loaded.progress` to `batch.progress` under the
   * condition that it still is the loaded one. 'moved': it is not, and what was done must be harmless.
   */
  apply(batch: SeenBatch, loaded: Loaded): Promise<'done' | 'moved'>
}

export interface SeenBatch {
  /** Enriched topic and partition. */
  readonly topic: string
  readonly partition: number
  /** In origin order, each first seen, without a gap to the progress before. May be empty. */
  readonly entries: readonly EntryText[]
  /** The progress once this batch's effects are done. */
  readonly progress: Progress
}

const MOVED_MAX = 20

/**
 * The handler of a stage. A partition that fails is answered as a partial failure from its first record on, so that the
 * others go on; only a malformed event throws.
 */
export function entryConsumer<L extends { readonly progress: Progress }>(
  stream: string,
  stage: EntryStage<L>,
  ports: Ports,
): KafkaHandler {
  return async (event, context) => {
    beginInvocation(ports, context)
    const startedMs = ports.clock.nowMs()
    let records = 0
    let failed = 0
    const batches = partitionsOf(event)
    const failures: KafkaAnswer['batchItemFailures'][number][] = []
    await Promise.all(
      batches.map(async (batch) => {
        try {
          records += await consume(stage, ports, batch)
        } catch (error) {
          failed++
          reportFailure(stage.name, batch.name, batch.records.length, error)
          const offset = batch.records[0]?.offset ?? 0
          failures.push({ itemIdentifier: { partition: batch.name, offset } })
        }
      }),
    )
    const durationMs = ports.clock.nowMs() - startedMs
    ports.metrics.record({
      stage: stage.name,
      stream,
      figures: { records, failedPartitions: failed, durationMs },
    })
    return { batchItemFailures: failures }
  }
}

async function consume<L extends { readonly progress: Progress }>(
  stage: EntryStage<L>,
  ports: Ports,
  batch: PartitionBatch,
): Promise<number> {
  const where = `${stage.name} ${batch.name}`
  const delivered = decodeEntries(batch)
  for (let attempt = 0; attempt < MOVED_MAX; attempt++) {
    const loaded = await stage.load(batch.topic, batch.partition)
    const { seen, progress } = await firstSeenOrLost(where, loaded.progress, delivered, batch, ports)
    if (progress.nextOffset === loaded.progress.nextOffset) return 0
    const { topic, partition } = batch
    const result = await stage.apply({ topic, partition, entries: seen, progress }, loaded)
    if (result === 'done') return seen.length
  }
  throw new Error(`${where}: progress moved ${MOVED_MAX} times in a row under this batch`)
}

async function firstSeenOrLost(
  where: string,
  progress: Progress,
  delivered: readonly EntryText[],
  { topic, partition }: PartitionBatch,
  ports: Ports,
) {
  try {
    return firstSeen(where, progress, delivered, [])
  } catch (error) {
    if (!(error instanceof OriginGapError)) throw error
    return firstSeen(where, progress, delivered, await lostRanges(ports.keyed, topic, partition))
  }
}

function decodeEntries({ records }: PartitionBatch): readonly EntryText[] {
  const { slab, bounds } = decodeValues(records)
  return records.map(({ offset }, i) => {
    const text = slab.toString('utf8', bounds[i], bounds[i + 1])
    return { offset, origin: entryOrigin(text), text }
  })
}
