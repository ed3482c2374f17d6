import { readManifests } from '../master/manifest-store.ts'
import type { Ports } from '../ports/ports.ts'
import { readBatchPointer } from '../state/batch-pointer.ts'
import { lostRanges, offsetsGone } from '../state/lost.ts'
import { epochOf } from '../stream/epoch.ts'
import { topicName } from '../stream/topic.ts'
import { askedKey, frontierKey, type RunStep, readJson, settleJson } from './run-plan.ts'

/** Up to where a run reads: frozen at its first try, so that a run that is taken up again is the same run. */
export interface Frontier {
  readonly form: 1
  readonly plannedMs: number
  readonly epochMs: number
  /** Only epochs below it are covered, by the planner's clock and what had been published. */
  readonly horizon: number
  /** Horizon that had been published before the ends were asked for: what lies below it was over then. */
  readonly floor?: number
  /** A time of the object store's clock before the ends were asked for. */
  readonly askedMs?: number
  readonly partitions: readonly PartitionEnd[]
}

export interface PartitionEnd {
  /** Raw topic. */
  readonly topic: string
  readonly partition: number
  readonly end: number
}

/** The master is behind the log: the run can be taken up again once it has caught up. */
export class ArchiveBehindError extends Error {
  override readonly name = 'ArchiveBehindError'
}

/**
 * A highest horizon, and the ends of all raw partitions, read from the log at least `slackMs` after the last epoch below it
 * has ended by the planner's clock. What the records then show may lower it (horizon.ts): whatever is appended to a covered
 * epoch lies below the ends (rule 7 of docs/exactness.md).
 */
export async function settleFrontier(
  ports: Pick<Ports, 'log' | 'keyed' | 'objects' | 'clock' | 'epochMs'>,
  step: RunStep,
  slackMs: number,
): Promise<Frontier> {
  const key = frontierKey(step)
  const stands = await readJson<Frontier>(ports.objects, key)
  if (stands !== undefined) return stands
  const { epochMs } = ports
  const floor = (await readBatchPointer(ports.keyed, step.stream))?.horizon ?? 0
  const askedMs = await storeTime(ports.objects, step)
  const plannedMs = ports.clock.nowMs()
  const horizon = Math.max(floor, epochOf(plannedMs - slackMs, epochMs))
  const partitions = await partitionEnds(ports, step.stream)
  const asked = askedMs === undefined ? {} : { askedMs }
  return settleJson(ports.objects, key, {
    ...{ form: 1, plannedMs, epochMs, horizon, floor },
    ...asked,
    partitions,
  })
}

/** What the object store's clock shows, or has shown: a try before this one may have put the note. */
async function storeTime(objects: Ports['objects'], step: RunStep): Promise<number | undefined> {
  const key = askedKey(step)
  await objects.put(key, Buffer.from('{"form":1}'), 'absent')
  return (await objects.head(key))?.modifiedMs
}

/** Of topics that the log no longer has, such as those of older generations, all that the master holds. */
async function partitionEnds(
  { log, objects }: Pick<Ports, 'log' | 'objects'>,
  stream: string,
): Promise<readonly PartitionEnd[]> {
  const raw = topicName(stream, 'raw')
  const { partitions = 0 } = (await log.describeTopic(raw)) ?? {}
  const logged = await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const { end } = await log.offsets(raw, partition)
      return { topic: raw, partition, end }
    }),
  )
  const known = new Set(logged.map(nameOf))
  const archived = (await readManifests(objects, stream))
    .map(({ topic, partition, progress }) => ({ topic, partition, end: progress.highestOrigin + 1 }))
    .filter((one) => !known.has(nameOf(one)))
  return [...archived, ...logged]
}

export interface Waiting {
  /** Records that the master does not hold yet. */
  readonly behind: number
}

const POLL_MS = 500

/** Resolves once the master holds every record below the ends. Rejects with an ArchiveBehindError after `untilMs`. */
export async function waitForArchive(
  { objects, keyed, clock }: Pick<Ports, 'objects' | 'keyed' | 'clock'>,
  { stream }: RunStep,
  { partitions }: Frontier,
  { untilMs, onWait }: { readonly untilMs: number; readonly onWait?: (waiting: Waiting) => void },
): Promise<void> {
  for (;;) {
    const manifests = await readManifests(objects, stream)
    const reached = new Map(
      manifests.map(({ topic, partition, progress }) => [
        nameOf({ topic, partition }),
        progress.highestOrigin + 1,
      ]),
    )
    const missing = await Promise.all(
      partitions.map(async ({ topic, partition, end }) => {
        const from = reached.get(nameOf({ topic, partition })) ?? 0
        if (from >= end) return 0
        return end - from - offsetsGone(await lostRanges(keyed, topic, partition), { from, to: end })
      }),
    )
    const behind = missing.reduce((sum, records) => sum + Math.max(0, records), 0)
    if (behind === 0) return
    onWait?.({ behind })
    if (clock.nowMs() >= untilMs)
      throw new ArchiveBehindError(
        `${stream}: the master lacks ${behind} records of the log; archive must be running (weir dev, weir replay)`,
      )
    await clock.sleep(POLL_MS)
  }
}

function nameOf({ topic, partition }: Pick<PartitionEnd, 'topic' | 'partition'>): string {
  return `${topic} ${partition}`
}
