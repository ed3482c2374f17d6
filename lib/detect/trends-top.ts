export interface Ranked {
  readonly key: string
  readonly count: number
}

/** The `k` greatest counts, greatest first, then by key in order of UTF-16 units. Counts of 0 are none. One pass. */
export function topOf(counts: Int32Array, keys: readonly string[], k: number): readonly Ranked[] {
  const top: Ranked[] = []
  let least = 1
  for (let id = 0; id < counts.length; id++) {
    const count = counts[id] as number
    if (count < least) continue
    const key = keys[id] as string
    let at = top.length
    while (at > 0 && isBefore(key, count, top[at - 1] as Ranked)) at--
    if (at >= k) continue
    top.splice(at, 0, { key, count })
    if (top.length > k) top.pop()
    if (top.length === k) least = top[k - 1]?.count ?? 1
  }
  return top
}

function isBefore(key: string, count: number, other: Ranked): boolean {
  return count !== other.count ? count > other.count : key < other.key
}
