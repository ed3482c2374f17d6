import type { Clock } from '../ports/clock.ts'

/** A long pause is one again after so long, for what must be done from time to time. */
const PAUSE_AGAIN_MS = 1000

/**
 * `items`, and `onPause` called when the next one is not there within `pauseMs`, and every second from then on: what
 * waits for company is sent then. Ends when `signal` aborts, without waiting for the item that was asked for.
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
      let waitMs = pauseMs
      while ((await firstOf(next, clock, waitMs, signal)) === 'pause') {
        await onPause()
        waitMs = PAUSE_AGAIN_MS
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
  pauseMs: number,
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
  const pause = clock.sleep(pauseMs, over.signal).then(
    () => 'pause' as const,
    () => 'abort' as const,
  )
  try {
    return await Promise.race([item, aborted, pause])
  } finally {
    over.abort()
  }
}
