import type { Chapter, MasterFile } from './manifest.ts'

/** Raw offsets [from, to). */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/**
 * What keeps stretches from covering [0, end) once: gaps that no lost range explains, overlaps, and an end elsewhere.
 * Empty where every offset is there exactly once. `stretches`: in the order the manifest lists them.
 */
export function coverageProblems(
  stretches: Iterable<Pick<MasterFile | Chapter, 'key' | 'from' | 'to'>>,
  end: number,
  lost: readonly OffsetRange[],
): readonly string[] {
  const problems: string[] = []
  let next = 0
  for (const { key, from, to } of stretches) {
    if (from < next)
      problems.push(`offsets [${from}, ${Math.min(next, to)}) are listed twice, again in ${key}`)
    else if (from > afterLost(next, lost))
      problems.push(`offsets [${next}, ${from}) are in no file, before ${key}`)
    next = Math.max(next, to)
  }
  if (next !== end && (next > end || afterLost(next, lost) < end))
    problems.push(`the files end at offset ${next}, the progress at ${end}`)
  return problems
}

/** The first offset from `next` on that is not lost. */
export function afterLost(next: number, lost: readonly OffsetRange[]): number {
  const inside = lost.find(({ from, to }) => from <= next && next < to)
  return inside === undefined ? next : afterLost(inside.to, lost)
}
