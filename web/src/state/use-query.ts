import { useEffect, useRef, useState } from 'preact/hooks'
import type { QueryAnswer } from '../../../lib/serve/dashboard-messages.ts'
import { api, type Question } from './api.ts'

export interface Polled<T> {
  readonly answer?: T
  /** Why the last try had no answer; the one before it stays. */
  readonly problem?: string
  /** Asks again now. */
  readonly again: () => void
}

export type QueryState = Polled<QueryAnswer>

/** An answer that takes long is asked for less often: at most this share of the time is spent on it. */
const BUSY_SHARE = 0.1

/**
 * The answer to `ask`, asked again every `everyMs` while the page is visible and `live`. Another `subject` is another
 * question, whose answer begins empty; an empty one is not asked.
 */
export function usePolled<T>(
  subject: string,
  ask: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
  live: boolean,
): Polled<T> {
  const [state, setState] = useState<{ subject: string; answer?: T; problem?: string }>({ subject })
  const [round, setRound] = useState(0)
  const latest = useRef(ask)
  latest.current = ask
  const again = useRef(() => setRound((n) => n + 1)).current
  useEffect(() => {
    if (subject === '') return
    const aborter = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const run = async () => {
      const startMs = performance.now()
      if (document.visibilityState === 'visible') {
        try {
          const answer = await latest.current(aborter.signal)
          setState({ subject, answer })
        } catch (error) {
          if (aborter.signal.aborted) return
          const problem = error instanceof Error ? error.message : String(error)
          setState((before) => (before.subject === subject ? { ...before, problem } : { subject, problem }))
        }
      }
      const pauseMs = Math.max(everyMs, (performance.now() - startMs) / BUSY_SHARE)
      if (live && !aborter.signal.aborted) timer = setTimeout(() => void run(), pauseMs)
    }
    void run()
    return () => {
      aborter.abort()
      clearTimeout(timer)
    }
  }, [subject, everyMs, live, round])
  return state.subject === subject ? { ...state, again } : { again }
}

/** The answer of a view. `ask` gives the question at that moment. */
export function useQuery(subject: string, ask: () => Question, everyMs: number, live: boolean): QueryState {
  return usePolled(subject, (signal) => api.query(ask(), signal), everyMs, live)
}
