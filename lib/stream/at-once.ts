/** Requests to a store or a log that one reader has under way together. */
export const AT_ONCE = 16

/** What `action` makes of each item, in order of the items, at most `max` under way at a time. Rejects with the first failure. */
export async function mapAtOnce<T, R>(
  items: readonly T[],
  action: (item: T) => Promise<R>,
  max = AT_ONCE,
): Promise<readonly R[]> {
  const results: R[] = new Array(items.length)
  const left = items.entries()
  // They share the iterator: whichever is free takes the next item.
  const take = async () => {
    for (const [i, item] of left) results[i] = await action(item)
  }
  await Promise.all(Array.from({ length: Math.min(max, items.length) }, take))
  return results
}
