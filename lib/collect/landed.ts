import type { EventLog } from '../ports/event-log.ts'
import { readMark, type SourceMark } from './mark.ts'
import type { Place } from './place.ts'
import { type OffsetRange, withRange } from './ranges.ts'
import { RunError } from './run-error.ts'

/** What a run has put into one partition, as far as is known: everything with an offset below `nextOffset`. */
export interface Landed {
  readonly nextOffset: number
  /** The last mark of the run below `nextOffset`. */
  readonly mark: Place | undefined
  /** Records of the run. */
  readonly records: number
  /**
   * Of a run that reads its sources side by side: the last place of each source that has landed, by the source's number.
   * What lies below a source's floor is left out.
   */
  readonly sources?: Readonly<Record<number, Place>>
  /** Where they lie. Exact as long as fewer than 200 stretches of other writers' records lie between them. */
  readonly ranges: readonly OffsetRange[]
}

export function nothingLanded(startOffset: number): Landed {
  return { nextOffset: startOffset, mark: undefined, records: 0, ranges: [] }
}

/** `landed` with a batch of the run whose last record, with `mark`, has the offset `lastOffset`. */
export function withBatch(landed: Landed, mark: SourceMark, lastOffset: number): Landed {
  const { source, position, nth, records, also } = mark
  const place: Place = nth === undefined ? { source, position } : { source, position, nth }
  const nextOffset = lastOffset + 1
  return {
    nextOffset,
    mark: place,
    records: landed.records + records,
    ranges: withRange(landed.ranges, [nextOffset - records, nextOffset]),
    ...(also && { sources: { ...landed.sources, ...bySource([...also, place]) } }),
  }
}

function bySource(places: readonly Place[]): Record<number, Place> {
  return Object.fromEntries(places.map((place) => [place.source, place]))
}

/** `landed` without the places of sources that `isBelowFloor`: a restart does not read them again. */
export function withoutPast(landed: Landed, isBelowFloor: (place: Place) => boolean): Landed {
  if (landed.sources === undefined) return landed
  return { ...landed, sources: bySource(Object.values(landed.sources).filter((p) => !isBelowFloor(p))) }
}

const READ_BYTES = 4 * 1024 * 1024

/**
 * Reads the partition from `landed.nextOffset` to its end and takes in the batches of the run that lie there. Throws a
 * RunError where the log has been trimmed beyond that.
 */
export async function readTail(
  log: Pick<EventLog, 'read' | 'offsets'>,
  topic: string,
  partition: number,
  run: string,
  landed: Landed,
): Promise<Landed> {
  const { start, end } = await log.offsets(topic, partition)
  if (start > landed.nextOffset)
    throw new RunError(
      `run ${run}: partition ${partition} of ${topic} no longer holds offsets ${landed.nextOffset} to ${start}, ` +
        'so what the run put there is unknown; start anew with a --run-id of your own',
    )
  let known = landed
  let at = landed.nextOffset
  while (at < end) {
    const batches = await log.read(topic, partition, at, READ_BYTES)
    if (batches.length === 0) break
    for (const { baseOffset, records } of batches) {
      let offset = baseOffset
      for (const { headers } of records) {
        const mark = headers.length > 0 && offset >= at ? readMark(headers) : undefined
        if (mark?.run === run) known = withBatch(known, mark, offset)
        offset++
      }
      at = Math.max(at, offset)
    }
  }
  return { ...known, nextOffset: Math.max(at, known.nextOffset) }
}
