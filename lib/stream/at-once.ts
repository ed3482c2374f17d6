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

/**
 * What `action` makes of each item, in order, up to `ahead` under way before they are asked for. Rejects at the item whose
 * action did; who stops early need not wait for those under way.
 */
export async function* readAhead<T, R>(
  items: Iterable<T>,
  action: (item: T) => Promise<R>,
  ahead: number,
): AsyncGenerator<R> {
  const left = items[Symbol.iterator]()
  const underWay: Promise<R>[] = []
  const fill = () => {
    while (underWay.length <= ahead) {
      const next = left.next()
      if (next.done === true) return
      const result = action(next.value)
      // Seen by who awaits it; where nobody comes to, it must not bring the process down.
      result.catch(() => undefined)
      underWay.push(result)
    }
  }
  for (;;) {
    fill()
    const first = underWay.shift()
    if (first === undefined) return
    yield await first
  }
}
