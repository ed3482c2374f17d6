import { useEffect, useRef, useState } from 'preact/hooks'
import type { QueryAnswer } from '../../../lib/serve/dashboard-messages.ts'
import { api, type Question } from './api.ts'

export interface QueryState {
  readonly answer?: QueryAnswer
  readonly problem?: string
}

/**
 * The answer to a question, asked again every `everyMs` while the page is visible and `live`. `ask` gives the question
 * at that moment; another `subject` is another question, whose answer begins empty.
 */
export function useQuery(subject: string, ask: () => Question, everyMs: number, live: boolean): QueryState {
  const [state, setState] = useState<QueryState & { readonly subject: string }>({ subject })
  const latest = useRef(ask)
  latest.current = ask
  useEffect(() => {
    const aborter = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const run = async () => {
      if (document.visibilityState === 'visible') {
        try {
          const answer = await api.query(latest.current(), aborter.signal)
          setState({ subject, answer })
        } catch (error) {
          if (aborter.signal.aborted) return
          const problem = error instanceof Error ? error.message : String(error)
          setState((before) => (before.subject === subject ? { ...before, problem } : { subject, problem }))
        }
      }
      if (live && !aborter.signal.aborted) timer = setTimeout(() => void run(), everyMs)
    }
    void run()
    return () => {
      aborter.abort()
      clearTimeout(timer)
    }
  }, [subject, everyMs, live])
  return state.subject === subject ? state : {}
}
