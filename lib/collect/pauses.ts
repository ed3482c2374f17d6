import type { Clock } from '../ports/clock.ts'

/**
 * `items`, and `onPause` called whenever the next one is not there within `pauseMs`: what waits for company is sent then. Ends when
 * `signal` aborts, without waiting for the item that was asked for.
 */
export async function* withPauses<T>(
  items: AsyncIterable<T>,
  { clock, pauseMs, signal }: { clock: Clock; pauseMs: number; signal: AbortSignal },
  onPause: () => Promise<void>,
): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]()
  let done = false
  try {
    while (!signal.aborted) {
      const next = iterator.next()
      // An abort leaves it behind: its failure then concerns nobody.
      next.catch(() => undefined)
      if ((await firstOf(next, clock, pauseMs, signal)) === 'pause') {
        await onPause()
        await firstOf(next, clock, undefined, signal)
      }
      if (signal.aborted) return
      const result = await next
      done = result.done === true
      if (done) return
      yield result.value as T
    }
  } catch (error) {
    done = true
    throw error
  } finally {
    if (!done) void Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
}

/** Resolves when `next` settles, after `pauseMs`, or when `signal` aborts. */
async function firstOf(
  next: Promise<unknown>,
  clock: Clock,
  pauseMs: number | undefined,
  signal: AbortSignal,
): Promise<'item' | 'pause' | 'abort'> {
  const over = new AbortController()
  const item = next.then(
    () => 'item' as const,
    () => 'item' as const,
  )
  const aborted = new Promise<'abort'>((resolve) => {
    if (signal.aborted) resolve('abort')
    else signal.addEventListener('abort', () => resolve('abort'), { once: true, signal: over.signal })
  })
  const waits: Promise<'item' | 'pause' | 'abort'>[] = [item, aborted]
  if (pauseMs !== undefined)
    waits.push(
      clock.sleep(pauseMs, over.signal).then(
        () => 'pause' as const,
        () => 'abort' as const,
      ),
    )
  try {
    return await Promise.race(waits)
  } finally {
    over.abort()
  }
}
