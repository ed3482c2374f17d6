import { useEffect, useState } from 'preact/hooks'
import type { TrendSlide } from '../../../lib/serve/dashboard-messages.ts'
import { usePage, useSession } from '../context.ts'
import { api } from './api.ts'
import { withSlides } from './trending.ts'

/** As many as a window has, so that what moved and what burst is known at once. */
const SLIDES_AT_START = 61

/** The slides of a stream as they close, in order; `loading` until it is known whether there are any. */
export function useSlides(stream: string): {
  readonly slides: readonly TrendSlide[]
  readonly loading: boolean
} {
  const session = useSession()
  const ready = usePage((state) => state.phase === 'ready')
  const [slides, setSlides] = useState<readonly TrendSlide[]>([])
  const [loading, setLoading] = useState(true)
  useEffect(() => {
    if (!ready) return
    const aborter = new AbortController()
    api
      .trends(stream, SLIDES_AT_START, aborter.signal)
      .then((answer) => setSlides((known) => withSlides(known, answer.slides)))
      // The channel sends the latest slide all the same: only how it moved is not known at once.
      .catch(() => undefined)
      .finally(() => !aborter.signal.aborted && setLoading(false))
    const stop = session.follow(`trends/${stream}`, (message) => {
      setSlides((known) => withSlides(known, message.slides))
    })
    return () => {
      aborter.abort()
      stop()
    }
  }, [session, stream, ready])
  return { slides, loading }
}
