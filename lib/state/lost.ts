import type { KeyedStore } from '../ports/keyed-store.ts'
import { parseTopic, topicName } from '../stream/topic.ts'

/** Raw offsets [from, to) that the raw topic lost before they were scored, as recorded by an operator. */
export interface LostRange {
  readonly from: number
  readonly to: number
}

/** Stretches of a raw partition recorded as lost (its retention passed before they were scored), in order. */
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
