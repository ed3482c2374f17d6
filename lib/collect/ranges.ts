/** Offsets [from, to) of a partition. */
export type OffsetRange = readonly [from: number, to: number]

/** More stretches than this are not told apart: the two nearest become one, which then covers others' records too. */
const RANGES_MAX = 200

/** `ranges`, ascending and apart, with `added`, which begins at or after the end of the last. */
export function withRange(ranges: readonly OffsetRange[], added: OffsetRange): readonly OffsetRange[] {
  const last = ranges.at(-1)
  if (last !== undefined && added[0] < last[1])
    throw new RangeError(`offsets ${added[0]} to ${added[1]} overlap those up to ${last[1]}`)
  if (last !== undefined && last[1] === added[0]) return [...ranges.slice(0, -1), [last[0], added[1]]]
  return withoutNarrowestGap([...ranges, added])
}

function withoutNarrowestGap(ranges: readonly OffsetRange[]): readonly OffsetRange[] {
  if (ranges.length <= RANGES_MAX) return ranges
  const gap = (i: number) => (ranges[i]?.[0] ?? 0) - (ranges[i - 1]?.[1] ?? 0)
  let narrowest = 1
  for (let i = 2; i < ranges.length; i++) if (gap(i) < gap(narrowest)) narrowest = i
  const joined: OffsetRange = [ranges[narrowest - 1]?.[0] ?? 0, ranges[narrowest]?.[1] ?? 0]
  return [...ranges.slice(0, narrowest - 1), joined, ...ranges.slice(narrowest + 1)]
}
