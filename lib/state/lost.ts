import type { KeyedStore } from '../ports/keyed-store.ts'
import { parseTopic, topicName } from '../stream/topic.ts'

/** Raw offsets [from, to) that will never be scored. */
export interface LostRange {
  readonly from: number
  readonly to: number
  /**
   * `control`: no record ever had these offsets; fencing took them (fencings.ts). Otherwise the raw topic lost their
   * records before they were scored, as recorded by an operator.
   */
  readonly kind?: 'control'
}

/** How many offsets of [from, to) are in the ranges; of one kind where it is given. */
export function offsetsGone(
  ranges: readonly LostRange[],
  { from, to }: { readonly from: number; readonly to: number },
): number {
  return ranges.reduce((sum, gone) => sum + Math.max(0, Math.min(gone.to, to) - Math.max(gone.from, from)), 0)
}

/** Stretches of a raw partition that hold nothing to score, in order. */
export async function lostRanges(
  keyed: KeyedStore,
  topic: string,
  partition: number,
): Promise<readonly LostRange[]> {
  const { stream, generation } = parseTopic(topic)
  const ranges: LostRange[] = []
  for await (const { data } of keyed.query(lostKey(topicName(stream, 'raw', generation), partition)))
    ranges.push(JSON.parse(Buffer.from(data).toString()) as LostRange)
  return ranges
}

/** Records that the raw offsets [from, to) are gone for good, so that the stages may pass them. Never done silently. */
export async function recordLost(
  keyed: KeyedStore,
  rawTopic: string,
  partition: number,
  range: LostRange,
): Promise<void> {
  const sk = String(range.from).padStart(16, '0')
  const data = Buffer.from(JSON.stringify(range))
  await keyed.put({ pk: lostKey(rawTopic, partition), sk, rev: String(range.to), data }, 'any')
}

function lostKey(rawTopic: string, partition: number): string {
  return `lost/${rawTopic}/${partition}`
}
