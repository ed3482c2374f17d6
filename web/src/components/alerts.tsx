import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Alert } from '../../../lib/serve/dashboard-messages.ts'
import type { Severity } from '../../../lib/stream/detector.ts'
import { useFeed, usePage, useSession } from '../context.ts'
import { count } from '../format.ts'
import { bySeverity, ORDERS, type Order } from '../state/feed.ts'
import { AlertList, type AlertsProps } from './alert-list.tsx'
import { FlowHead } from './flow-cells.tsx'
import { PauseIcon, PlayIcon } from './icons.tsx'

const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low']

/** Incidents, newest first. */
export function Alerts({ selected, onSelect, flows }: AlertsProps) {
  const session = useSession()
  const { loading, problem, shown, paused, waiting } = useFeed((view) => view)
  const [hidden, setHidden] = useState<ReadonlySet<Severity>>(new Set())
  const counts = useMemo(() => bySeverity(shown), [shown])
  const [order, setOrder] = useState<Order>('Newest')
  const filtered = useMemo(
    () => shown.filter(({ severity }) => !hidden.has(severity)).sort(ORDERS[order]),
    [shown, hidden, order],
  )
  usePauseKey(() => session.feed.setPaused(!session.feed.view.get().paused))
  return (
    <section
      class={`card alerts ${flows === undefined ? 'at-alerts' : 'flows at-whole'}`}
      aria-labelledby="alerts-title"
      aria-busy={loading}
    >
      <div class="card-head">
        <h2 id="alerts-title">
          {flows === undefined ? 'Alerts' : 'Incidents'}
          {shown.length > 0 && (
            <small>
              {flows === undefined
                ? `${count(shown.length)} ${shown.length === 1 ? 'incident' : 'incidents'}`
                : `${count(shown.length)} from ${count(alertsIn(shown))} alerts`}
            </small>
          )}
        </h2>
        {flows !== undefined && (
          <select
            class="select"
            aria-label="Order"
            value={order}
            onChange={(event) => setOrder(event.currentTarget.value as Order)}
          >
            {Object.keys(ORDERS).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
        <button
          type="button"
          class="button small"
          aria-pressed={paused}
          onClick={() => session.feed.setPaused(!paused)}
        >
          {paused ? <PlayIcon /> : <PauseIcon />} {paused ? 'Go on' : 'Pause'}
        </button>
      </div>
      <Filters counts={counts} hidden={hidden} onChange={setHidden} />
      {paused && waiting > 0 && (
        <button type="button" class="new-alerts" onClick={() => session.feed.setPaused(false)}>
          Paused: {count(waiting)} new {waiting === 1 ? 'incident' : 'incidents'}
        </button>
      )}
      {loading ? (
        <RowSkeletons />
      ) : filtered.length === 0 ? (
        <NoAlerts problem={problem} filtered={shown.length > 0} />
      ) : (
        <>
          {flows !== undefined && <FlowHead />}
          <AlertList alerts={filtered} selected={selected} onSelect={onSelect} flows={flows} />
        </>
      )}
    </section>
  )
}

function alertsIn(incidents: readonly Alert[]): number {
  return incidents.reduce((sum, incident) => sum + incident.count, 0)
}

function Filters(props: {
  readonly counts: Readonly<Record<Severity, number>>
  readonly hidden: ReadonlySet<Severity>
  readonly onChange: (hidden: ReadonlySet<Severity>) => void
}) {
  const { counts, hidden, onChange } = props
  const toggle = (severity: Severity) => {
    const next = new Set(hidden)
    if (!next.delete(severity)) next.add(severity)
    onChange(next)
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings layout of its own
    <div class="filters" role="group" aria-label="Severities shown">
      {SEVERITIES.map((severity) => (
        <button
          type="button"
          class="filter"
          key={severity}
          aria-pressed={!hidden.has(severity)}
          onClick={() => toggle(severity)}
        >
          <span class="dot" style={`color:var(--${severity}-fill)`} />
          {severity} {count(counts[severity])}
        </button>
      ))}
    </div>
  )
}

export function NoAlerts({
  problem,
  filtered,
}: {
  readonly problem: string | undefined
  readonly filtered: boolean
}) {
  const model = usePage(
    ({ status, stream }) => status?.streams.find(({ name }) => name === stream)?.model !== undefined,
  )
  const stream = usePage((state) => state.streams.find(({ name }) => name === state.stream))
  if (problem !== undefined)
    return (
      <div class="empty" role="alert">
        <strong>Earlier alerts could not be loaded</strong>
        <p>{problem} New ones appear here as they come.</p>
      </div>
    )
  if (filtered)
    return (
      <div class="empty">
        <strong>Nothing of these severities</strong>
        <p>Turn more of them on above.</p>
      </div>
    )
  if (stream?.trains === true && !model)
    return (
      <div class="empty">
        <strong>No model yet</strong>
        <p>Records are enriched, kept and counted, not scored. Train on what has come in:</p>
        <code>npx weir train {stream.name}</code>
      </div>
    )
  if (stream?.detects === false && stream.page.kind !== 'trends')
    return (
      <div class="empty">
        <strong>This stream looks for nothing unusual</strong>
        <p>Its records are kept and counted. A detector in its declaration (detect) would score them.</p>
      </div>
    )
  return (
    <div class="empty">
      <strong>Nothing unusual so far</strong>
      <p>Alerts appear here within a second of their records.</p>
    </div>
  )
}

function RowSkeletons() {
  return (
    <div aria-hidden="true">
      {[72, 58, 66, 49, 61, 70].map((width) => (
        <div class="alert" key={width}>
          <span class="skeleton" style="width:66px;height:22px;grid-area:severity" />
          <span class="skeleton" style={`width:${width}%;height:16px;margin:3px 0;grid-area:title`} />
          <span class="skeleton" style={`width:${width - 18}%;height:14px;margin:3px 0;grid-area:why`} />
          <span class="skeleton" style="width:56px;height:14px;margin:3px 0;grid-area:time" />
        </div>
      ))}
    </div>
  )
}

/** `p` pauses and goes on, unless something is being typed. */
function usePauseKey(toggle: () => void): void {
  const latest = useRef(toggle)
  latest.current = toggle
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof Element && event.target.matches('input, select, textarea')
      if (event.key !== 'p' || typing || event.ctrlKey || event.metaKey || event.altKey) return
      latest.current()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}
