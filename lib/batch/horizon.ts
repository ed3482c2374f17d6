import { readManifests } from '../master/manifest-store.ts'
import { newestAppend } from '../master/newest-append.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { epochOf } from '../stream/epoch.ts'
import type { Frontier } from './frontier.ts'

/**
 * Where a run's coverage ends: not above the horizon of the clock that planned it, nor above what the records themselves
 * show to be over, so that a clock that is ahead makes no run cover an epoch that may still get records.
 *
 * The newest record below the frozen ends was stamped at T by a broker, and its file was put later, at M by the store's clock.
 * A note was put at A, before the ends were asked for. So brokers' clocks showed T + (A - M) or more by then, less what they
 * differ by: what was appended after it has a time above T + max(0, A - M) - slack (rule 7 of docs/exactness.md). Only
 * differences of one clock's readings count, so neither clock has to agree with the brokers'. Nor is there anything to cover
 * above the newest record's own epoch: there the horizon ends, whatever clocks say.
 *
 * `complete`: the master had nothing from the horizon on, up to the ends.
 */
export async function horizonOf(
  objects: ObjectStore,
  stream: string,
  { partitions, horizon, floor = 0, askedMs, epochMs }: Frontier,
  slackMs: number,
): Promise<{ readonly horizon: number; readonly complete: boolean }> {
  const ends = new Map(partitions.map((at) => [`${at.topic} ${at.partition}`, at.end]))
  const newest = await newestAppend(
    objects,
    await readManifests(objects, stream),
    ({ topic, partition }) => ends.get(`${topic} ${partition}`) ?? 0,
    slackMs,
  )
  if (newest === undefined) return { horizon: Math.min(horizon, floor), complete: true }
  const putMs = (await objects.head(newest.key))?.modifiedMs
  const sinceMs = putMs === undefined || askedMs === undefined ? 0 : sinceAtLeast(putMs, askedMs)
  const after = epochOf(newest.appendMs, epochMs) + 1
  const over = epochOf(newest.appendMs + sinceMs - slackMs, epochMs)
  const shown = Math.max(0, floor, Math.min(after, over))
  const settled = Math.min(horizon, shown)
  return { horizon: settled, complete: settled >= after }
}

/** From one time of the store's to another, ms. S3 tells them cut to whole seconds: the first may have been almost one later. */
function sinceAtLeast(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs - (fromMs % 1000 === 0 ? 1000 : 0))
}
