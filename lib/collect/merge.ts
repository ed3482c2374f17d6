/**
 * The items of all iterables as they come. Each is asked for its next item only once its last one was taken, so that one item
 * of each is held at most. Rejects as soon as one of them does; they are then left behind, and end by their own signals.
 */
export async function* merge<T>(iterables: readonly AsyncIterable<T>[]): AsyncGenerator<T, void> {
  const arrived: Arrival<T>[] = []
  let wake: () => void = () => undefined
  let running = iterables.length
  let over = false
  const pump = async (iterable: AsyncIterable<T>): Promise<void> => {
    try {
      for await (const item of iterable) {
        await new Promise<void>((taken) => {
          if (over) return taken()
          arrived.push({ item, taken })
          wake()
        })
        if (over) break
      }
    } catch (error) {
      arrived.unshift({ error })
    } finally {
      running--
      wake()
    }
  }
  for (const iterable of iterables) void pump(iterable)
  try {
    for (;;) {
      const next = arrived.shift()
      if (next === undefined) {
        if (running === 0) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      } else if ('error' in next) throw next.error
      else {
        yield next.item
        next.taken()
      }
    }
  } finally {
    // Those left behind are let go, so that they close what they have open.
    over = true
    for (const left of arrived) if ('taken' in left) left.taken()
  }
}

type Arrival<T> = { readonly item: T; readonly taken: () => void } | { readonly error: unknown }
