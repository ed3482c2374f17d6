import { useMemo, useRef, useState } from 'preact/hooks'
import type { Alert } from '../../../lib/serve/dashboard-messages.ts'
import { useFeed } from '../context.ts'
import { clock, count, fullTime } from '../format.ts'
import { INCIDENTS_LIMIT, type Mark } from '../state/feed.ts'
import { FlowCells, type FlowOptions, pastOf } from './flow-cells.tsx'

/** Rows rendered at first, and how many more at a time. */
const ROWS = 80

export interface AlertsProps {
  readonly selected: string | undefined
  readonly onSelect: (id: string) => void
  /** Where records are of one host to another: shows both, and how often the like has come lately. */
  readonly flows?: FlowOptions | undefined
}

/** Rows that open the panel; one of them is in the tab order, arrow keys move among them. */
export function AlertList(props: AlertsProps & { readonly alerts: readonly Alert[] }) {
  const { alerts, selected, onSelect, flows } = props
  const marks = useFeed((view) => view.marks)
  const [rows, setRows] = useState(ROWS)
  const [focused, setFocused] = useState<string>()
  const list = useRef<HTMLUListElement>(null)
  const openedMs = useRef(Date.now())
  // One row is in the tab order: the last focused while it is there, else the first.
  const tabStop = alerts.some(({ id }) => id === focused) ? focused : alerts[0]?.id
  const move = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll<HTMLButtonElement>('.alert') ?? [])]
    const at = buttons.findIndex((button) => button.matches(':focus'))
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key]
    if (at < 0 || to === undefined) return
    event.preventDefault()
    buttons[Math.max(0, Math.min(to, buttons.length - 1))]?.focus()
  }
  return (
    <div class="alert-list">
      <ul ref={list} onKeyDown={move}>
        {alerts.slice(0, rows).map((alert) => (
          <Row
            key={alert.id}
            alert={alert}
            pressed={alert.id === selected}
            tabStop={alert.id === tabStop}
            fresh={Date.now() - openedMs.current > 2_000}
            onSelect={onSelect}
            onFocus={setFocused}
            flows={flows}
            mark={marks.get(alert.id)}
          />
        ))}
      </ul>
      {alerts.length > rows ? (
        <p class="list-end">
          <button type="button" class="button small" onClick={() => setRows(rows + ROWS)}>
            Show more of {count(alerts.length)}
          </button>
        </p>
      ) : (
        alerts.length >= INCIDENTS_LIMIT && (
          <p class="list-end">
            The newest {INCIDENTS_LIMIT}. All of them: <code>npx weir alerts</code>
          </p>
        )
      )}
    </div>
  )
}

/** Rendered again only when its own alert or state changes: in a storm, few of hundreds do. */
function Row(props: {
  readonly alert: Alert
  readonly pressed: boolean
  readonly tabStop: boolean
  readonly fresh: boolean
  readonly onSelect: (id: string) => void
  readonly onFocus: (id: string) => void
  readonly flows: FlowOptions | undefined
  readonly mark: Mark | undefined
}) {
  const { alert, pressed, tabStop, onSelect, onFocus, flows, mark } = props
  const { id, severity, title, reasons, count: alertCount, firstSeenMs } = alert
  const past = flows === undefined ? undefined : pastOf(alert, flows)
  const fresh = useRef(props.fresh).current
  return useMemo(
    () => (
      <li>
        <button
          type="button"
          class={`alert ${fresh ? 'fresh' : ''}`}
          data-id={id}
          aria-pressed={pressed}
          tabIndex={tabStop ? 0 : -1}
          onClick={() => onSelect(id)}
          onFocus={() => onFocus(id)}
        >
          <span class={`severity ${severity}`}>{severity}</span>
          <span class="alert-title">
            {mark?.state === 'acknowledged' && <em class="badge normal">seen to</em>}
            {mark?.state === 'closed' && <em class="badge new">open again</em>}
            {title}
          </span>
          <span class={`alert-count ${alertCount === 1 ? 'one' : ''}`}>
            {count(alertCount)}
            <span class="unseen"> {alertCount === 1 ? 'alert' : 'alerts'}</span>
          </span>
          <span class="alert-why">{reasons.map(({ text }) => text).join('; ')}</span>
          {flows === undefined ? (
            <time title={`First seen ${fullTime(firstSeenMs)}`}>{clock(firstSeenMs)}</time>
          ) : (
            <FlowCells alert={alert} past={past} />
          )}
        </button>
      </li>
    ),
    [alert, pressed, tabStop, past, mark],
  )
}
