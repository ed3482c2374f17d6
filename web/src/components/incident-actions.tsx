import { useState } from 'preact/hooks'
import type { Alert } from '../../../lib/serve/dashboard-messages.ts'
import { useFeed, useSession } from '../context.ts'
import { api } from '../state/api.ts'

/** What can be done about an incident: say that somebody sees to it, close it, or hear no more of its group. */
export function IncidentActions({ alert, onClose }: { readonly alert: Alert; readonly onClose: () => void }) {
  const { feed } = useSession()
  const mark = useFeed((view) => view.marks.get(alert.id))
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  const act = async (action: () => Promise<void>) => {
    setBusy(true)
    setProblem(undefined)
    try {
      await action()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
    setBusy(false)
  }
  const { id, stream, group, lastSeenMs } = alert
  const set = (state: 'acknowledged' | 'closed' | 'open') =>
    act(async () => {
      // What is known now: an alert that comes while the request is under way opens the incident again.
      const { cursor } = feed
      const seen = { lastSeenMs, ...(cursor !== undefined && { cursor }) }
      const frame = feed.frame
      await api.markIncident({ stream, id, state, ...seen })
      feed.mark(id, state === 'open' ? undefined : { state, ...seen, atMs: Date.now() }, frame)
      if (state === 'closed') onClose()
    })
  const suppress = () =>
    act(async () => {
      await api.suppress(stream, group)
      feed.hideGroup(group)
      onClose()
    })
  return (
    <div class="incident-actions">
      {mark?.state === 'acknowledged' ? (
        <button type="button" class="button small" disabled={busy} onClick={() => void set('open')}>
          Seen to: take it back
        </button>
      ) : (
        <button type="button" class="button small" disabled={busy} onClick={() => void set('acknowledged')}>
          Acknowledge
        </button>
      )}
      <button
        type="button"
        class="button small"
        disabled={busy}
        title="Left out of lists until another alert joins it"
        onClick={() => void set('closed')}
      >
        Close incident
      </button>
      <button
        type="button"
        class="button small"
        disabled={busy}
        title={`No more incidents of ${group}. To take it back: npx weir alerts unsuppress`}
        onClick={() => void suppress()}
      >
        Suppress this group
      </button>
      {problem !== undefined && (
        <p class="tone-bad" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}
