import { useEffect, useState } from 'preact/hooks'
import { usePage, useSession } from '../context.ts'
import { clock } from '../format.ts'

/** A blink of the connection is not worth a banner. */
const SHOW_AFTER_MS = 1_200

/** What is wrong right now and what happens about it; nothing while all is well. */
export function Banner() {
  const session = useSession()
  const lostMs = usePage((state) => state.lostMs)
  const connection = usePage((state) => state.connection)
  const phase = usePage((state) => state.phase)
  const refused = usePage((state) => state.refused)
  const shown = useLater(phase === 'ready' ? lostMs : undefined)
  if (shown && lostMs !== undefined) {
    return (
      <div class="banner" role="alert">
        <span>
          Connection lost at {clock(lostMs)}. What you see is from then; nothing is missed, alerts go on from
          the last one here.
        </span>
        <button type="button" class="button small" onClick={() => session.retryNow()}>
          {connection.kind === 'waiting' ? 'Reconnect now' : 'Reconnecting …'}
        </button>
      </div>
    )
  }
  if (refused === undefined) return null
  return (
    <div class="banner" role="alert">
      <span>{refused}</span>
      <button type="button" class="button small" onClick={() => session.dismissRefusal()}>
        Dismiss
      </button>
    </div>
  )
}

function useLater(sinceMs: number | undefined): boolean {
  const [elapsed, setElapsed] = useState(false)
  useEffect(() => {
    setElapsed(false)
    if (sinceMs === undefined) return
    const timer = setTimeout(() => setElapsed(true), SHOW_AFTER_MS)
    return () => clearTimeout(timer)
  }, [sinceMs])
  return elapsed && sinceMs !== undefined
}
