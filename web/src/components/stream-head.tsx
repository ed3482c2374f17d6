import { useEffect } from 'preact/hooks'
import type { StreamSummary } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { clock, slotTime } from '../format.ts'
import type { StreamEnd } from '../state/stream-end.ts'

/** Which stream the page is about, and of when its records are. */
export function StreamHead({ stream, end }: { readonly stream: StreamSummary; readonly end: StreamEnd }) {
  const nowMs = usePage((state) => state.status?.nowMs)
  useEffect(() => {
    document.title = `${stream.title} · Weir`
  }, [stream.title])
  return (
    <header class="stream-head">
      <div>
        <h2 id="stream-title">{stream.title}</h2>
        <p>{stream.description}</p>
      </div>
      <dl class="stream-when">
        <div>
          <dt>Records of</dt>
          <dd>{nowMs === undefined ? '–' : recordsOf(end, nowMs)}</dd>
        </div>
        <div>
          <dt>Updated</dt>
          <dd>{nowMs === undefined ? '–' : clock(nowMs)}</dd>
        </div>
      </dl>
    </header>
  )
}

function recordsOf(end: StreamEnd, nowMs: number): string {
  switch (end.kind) {
    case 'live':
      return 'now, as they come'
    case 'past':
      return `${slotTime(end.startMs, nowMs)} to ${slotTime(end.endMs, nowMs)}`
    case 'none':
      return 'none yet'
    case 'unknown':
      return 'not known: no answer'
    case 'loading':
      return '…'
  }
}
