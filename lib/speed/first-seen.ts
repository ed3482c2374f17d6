import type { LostRange } from '../state/lost.ts'
import type { Progress } from '../state/progress.ts'

/** An entry as delivered, its JSON not yet parsed. */
export interface EntryText {
  /** Offset in the enriched partition. */
  readonly offset: number
  /** Offset in the raw partition. */
  readonly origin: number
  readonly text: string
}

/** A missing origin: the stage must stop with an alarm, because going on would lose a record without a trace. */
export class OriginGapError extends Error {
  override readonly name = 'OriginGapError'
  readonly expected: number
  readonly found: number

  constructor(where: string, expected: number, found: number) {
    super(
      `${where}: expected origin ${expected}, found ${found}; see "A gap stops a stage" in docs/operations.md`,
    )
    this.expected = expected
    this.found = found
  }
}

/** A new origin at an offset that was taken in before: the topic is not the one it was, and its entries would be dropped. */
export class LogRewoundError extends Error {
  override readonly name = 'LogRewoundError'

  constructor(where: string, nextOffset: number, found: number) {
    super(
      `${where}: everything below offset ${nextOffset} was taken in, yet offset ${found} holds a new origin: ` +
        'the topic was made again or has lost its end; see "A topic was recreated" in docs/operations.md',
    )
  }
}

/** The entries that count, in origin order, and the progress once their effects are done. */
export function firstSeen(
  where: string,
  progress: Progress,
  delivered: readonly EntryText[],
  lost: readonly LostRange[],
): { readonly seen: readonly EntryText[]; readonly progress: Progress } {
  let { nextOffset, highestOrigin } = progress
  const seen: EntryText[] = []
  for (const entry of delivered) {
    if (entry.offset < nextOffset) {
      if (entry.origin > highestOrigin) throw new LogRewoundError(where, nextOffset, entry.offset)
      continue
    }
    if (entry.origin > highestOrigin) {
      const expected = skipLost(highestOrigin + 1, lost)
      if (entry.origin !== expected && entry.origin !== highestOrigin + 1)
        throw new OriginGapError(where, expected, entry.origin)
      highestOrigin = entry.origin
      seen.push(entry)
    }
    nextOffset = entry.offset + 1
  }
  return { seen, progress: { nextOffset, highestOrigin } }
}

function skipLost(origin: number, lost: readonly LostRange[]): number {
  for (const { from, to } of lost) if (from <= origin && origin < to) return skipLost(to, lost)
  return origin
}

/** The origin offset of an entry's text, without parsing the rest: `writeEntry` puts it in the head. */
export function entryOrigin(text: string): number {
  const at = text.indexOf('"offset":')
  const offset = at < 0 ? Number.NaN : Number.parseInt(text.slice(at + 9, at + 26), 10)
  if (!(offset >= 0)) throw new Error('not an entry: no "offset" in its head')
  return offset
}
