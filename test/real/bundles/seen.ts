import type { Ports } from '../../../lib/ports/ports.ts'
import { lostRanges, offsetsGone } from '../../../lib/state/lost.ts'
import type { Stream } from '../../../lib/stream/define.ts'
import { topicName } from '../../../lib/stream/topic.ts'

/** What a fault left behind that the records themselves do not show. */
export interface Seen {
  /** Entries of enriched beyond one a record: repetitions that every consumer passes over. */
  readonly repeatedEntries: number
  /** Offsets of raw that fencing has taken. */
  readonly fencedOffsets: number
  /** Records in raw. */
  readonly records: number
}

export async function seenInLog(ports: Ports, stream: Stream): Promise<Seen> {
  const raw = topicName(stream.name, 'raw')
  const enriched = topicName(stream.name, 'enriched')
  const { partitions = 0 } = (await ports.log.describeTopic(raw)) ?? {}
  let [records, fencedOffsets, entries] = [0, 0, 0]
  for (let partition = 0; partition < partitions; partition++) {
    const { end } = await ports.log.offsets(raw, partition)
    const ranges = await lostRanges(ports.keyed, raw, partition)
    const control = ranges.filter(({ kind }) => kind === 'control')
    const gone = offsetsGone(control, { from: 0, to: end })
    fencedOffsets += gone
    records += end - gone
    entries += (await ports.log.offsets(enriched, partition)).end
  }
  return { repeatedEntries: Math.max(0, entries - records), fencedOffsets, records }
}

/** Messages with their numbers and places taken out, and how often each came, the most frequent first. */
export function grouped(errors: readonly string[], most = 5): readonly string[] {
  const counts = new Map<string, number>()
  for (const error of errors) {
    const kind = error
      .replace(/127\.0\.0\.1:\d+/g, 'the server')
      .replace(/\d+/g, 'N')
      .slice(0, 160)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a)
  return sorted.slice(0, most).map(([kind, times]) => `${times} x ${kind}`)
}
