import { Watermark, type WatermarkOptions } from '../../detect/trends-watermark.ts'
import type { Newest } from '../../state/progress.ts'

export interface Due {
  /** Slots that end by it are to be closed, ms. -Infinity: none. */
  readonly toMs: number
  readonly provisional: boolean
  /** Since when the stream is awake; undefined while none of its partitions gives anything. */
  readonly wokeMs: number | undefined
}

/**
 * How far a stream's slots may be closed, by what its partitions have given (`newest`, by partition; those that have yet to
 * give something are missing in it). Nothing is remembered between two looks but `wokeMs`.
 *
 * A stream that wakes up does so one partition after the other, and the first may be far ahead of the others by then: so for
 * `idleMs` after it woke all `partitions` are waited for, whatever they gave before.
 */
export function dueOf(
  newest: ReadonlyMap<number, Newest>,
  partitions: number,
  slideMs: number,
  before: { readonly wokeMs: number | undefined },
  nowMs: number,
  options: WatermarkOptions = {},
): Due {
  const { idleMs = 60_000 } = options
  if (newest.size === 0) return { toMs: Number.NEGATIVE_INFINITY, provisional: false, wokeMs: undefined }
  const awake = [...newest.values()].some(({ atMs }) => nowMs - atMs < idleMs)
  const wokeMs = awake ? (before.wokeMs ?? nowMs) : undefined
  const watermark = new Watermark(options)
  const waitedSinceMs = wokeMs ?? Number.NEGATIVE_INFINITY
  for (const [partition, { eventTimeMs, atMs }] of newest)
    watermark.see(partition, eventTimeMs, Math.max(atMs, waitedSinceMs))
  for (let partition = 0; partition < partitions; partition++)
    if (!newest.has(partition)) watermark.see(partition, Number.NEGATIVE_INFINITY, waitedSinceMs)
  const { timeMs, provisional, atRest } = watermark.at(nowMs)
  const slots = atRest ? Math.floor(timeMs / slideMs) + 1 : Math.floor(timeMs / slideMs)
  return { toMs: slots * slideMs, provisional, wokeMs }
}
