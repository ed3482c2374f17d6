import { useMemo, useState } from 'preact/hooks'
import type { StreamSummary } from '../../../lib/serve/dashboard-messages.ts'
import { useFeed, usePage } from '../context.ts'
import { count } from '../format.ts'
import { api } from '../state/api.ts'
import { RANGES, type RangeName } from '../state/ranges.ts'
import { timeMs } from '../state/slots.ts'
import { boundsOf, type StreamEnd } from '../state/stream-end.ts'
import { isOff, type TemplateRow, templateRows } from '../state/template-rows.ts'
import { usePolled, useQuery } from '../state/use-query.ts'
import { NoAnswer, NoRecords, PanelFoot } from './panel-foot.tsx'
import { RangeControl } from './range-control.tsx'
import { rangeText } from './shares-panel.tsx'
import { TemplateTable } from './template-table.tsx'

const REFRESH_MS = 4_000
const RANGE_NAMES: readonly RangeName[] = ['1 h', '6 h', '24 h', '7 d']

const NO_ROWS: readonly TemplateRow[] = []

const SHOWN = {
  All: ({ kind }: TemplateRow) => kind !== 'unknown',
  New: ({ kind }: TemplateRow) => kind === 'new',
  Rare: ({ kind }: TemplateRow) => kind === 'rare',
  'Off the usual': isOff,
  'Called normal': ({ kind }: TemplateRow) => kind === 'normal',
} as const
type Shown = keyof typeof SHOWN

/** The templates that lines of a range have, against what the model knows of them. */
export function TemplatesPanel(props: {
  readonly stream: StreamSummary
  readonly view: string
  readonly end: StreamEnd
}) {
  const { stream, view, end } = props
  const [chosen, setRange] = useState<RangeName>()
  const range = chosen ?? (end.kind === 'past' ? '24 h' : '1 h')
  const [shown, setShown] = useState<Shown>('All')
  const { rows, model, lines, bounds, nowMs } = useRows(stream, view, end, range)
  const filtered = useMemo(() => rows?.filter(SHOWN[shown]), [rows, shown])
  const problem = lines.problem ?? model.problem
  const versionless = model.answer?.version === null
  return (
    <section class="card at-whole templates" aria-labelledby="templates-title" aria-busy={rows === undefined}>
      <div class="card-head">
        <h2 id="templates-title">
          Templates
          {rows !== undefined && !versionless && (
            <small>
              {count(rows.filter(SHOWN.All).length)} in {rangeText(bounds, nowMs)}
            </small>
          )}
        </h2>
        <RangeControl names={RANGE_NAMES} value={range} onChange={setRange} />
      </div>
      {!versionless && end.kind !== 'none' && (
        <Filter rows={rows ?? NO_ROWS} value={shown} onChange={setShown} />
      )}
      {end.kind === 'none' ? (
        <NoRecords stream={stream.name} what="lines" />
      ) : versionless ? (
        <NoModel stream={stream.name} />
      ) : filtered === undefined ? (
        problem === undefined ? (
          <RowSkeletons />
        ) : (
          <NoAnswer problem={problem} again={lines.answer === undefined ? lines.again : model.again} />
        )
      ) : filtered.length === 0 ? (
        <NoRows shown={shown} none={rows?.length === 0} />
      ) : (
        <TemplateTable stream={stream.name} key={shown} rows={filtered} onMarked={model.again} />
      )}
      {rows !== undefined && <Unknown rows={rows} />}
      <PanelFoot answer={lines.answer} problem={rows === undefined ? undefined : problem} />
    </section>
  )
}

function useRows(stream: StreamSummary, view: string, end: StreamEnd, range: RangeName) {
  const live = usePage((state) => state.connection.kind === 'open')
  const nowMs = usePage((state) => state.status?.nowMs ?? Date.now())
  const alerts = useFeed((feed) => feed.shown)
  const slotMs = stream.views.find(({ name }) => name === view)?.slotMs ?? 300_000
  const bounds = boundsOf(end, RANGES[range], slotMs, nowMs)
  const ready = end.kind !== 'loading' && end.kind !== 'none'
  const id = `${stream.name}.${view}`
  const subject = ready ? `${id} ${range} ${end.kind}` : ''
  const lines = useQuery(subject, () => ({ view: id, bySlot: false, ...bounds }), REFRESH_MS, live)
  const model = usePolled(stream.name, (signal) => api.templates(stream.name, signal), REFRESH_MS, live)
  const { fromMs = 0, toMs = 0 } = bounds
  const found = lines.answer?.rows
  // A stream that began within the range has had no time before to write what is usual.
  const beganMs = found?.reduce((first, row) => Math.min(first, timeMs(row.from)), toMs) ?? fromMs
  const lengthMs = Math.min(toMs, end.kind === 'past' ? toMs : nowMs) - Math.max(fromMs, beganMs)
  const known = model.answer
  const rows = useMemo(() => {
    if (found === undefined || known === undefined) return undefined
    return templateRows(found, known, alerts, known.slotMs > 0 ? lengthMs / known.slotMs : undefined)
    // The range's length grows by the second; the rows are made anew with each answer.
  }, [found, known, alerts])
  return { rows, model, lines, bounds, nowMs }
}

function Filter(props: {
  readonly rows: readonly TemplateRow[]
  readonly value: Shown
  readonly onChange: (shown: Shown) => void
}) {
  const { rows, value, onChange } = props
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings layout of its own
    <div class="filters" role="group" aria-label="Templates shown">
      {(Object.keys(SHOWN) as Shown[]).map((name) => (
        <button
          type="button"
          class="filter"
          key={name}
          aria-pressed={name === value}
          onClick={() => onChange(name)}
        >
          {name} {count(rows.filter(SHOWN[name]).length)}
        </button>
      ))}
    </div>
  )
}

/** Lines whose template is not known are said, not shown. */
function Unknown({ rows }: { readonly rows: readonly TemplateRow[] }) {
  const unknown = rows.filter(({ kind }) => kind === 'unknown')
  if (unknown.length === 0) return null
  const lines = unknown.reduce((sum, row) => sum + row.count, 0)
  return (
    <p class="template-unknown">
      {count(lines)} more {lines === 1 ? 'line' : 'lines'} of {count(unknown.length)}{' '}
      {unknown.length === 1 ? 'kind' : 'kinds'} came before this model was trained, and are in no template of
      its.
    </p>
  )
}

function NoModel({ stream }: { readonly stream: string }) {
  return (
    <div class="empty">
      <strong>No templates yet</strong>
      <p>
        Lines are kept and counted. Training mines their templates from the master, and what is usual of each:
      </p>
      <code>npx weir train {stream}</code>
    </div>
  )
}

function NoRows({ shown, none }: { readonly shown: Shown; readonly none: boolean }) {
  return (
    <div class="empty">
      <strong>{none ? 'No lines in this range' : `None: ${shown.toLowerCase()}`}</strong>
      <p>{none ? 'Choose a longer range above.' : 'Choose another kind, or a longer range.'}</p>
    </div>
  )
}

function RowSkeletons() {
  return (
    <div aria-hidden="true">
      {[72, 58, 66, 49, 61, 70, 55, 63, 47, 68, 52, 60].map((width) => (
        <div class="template-row" key={width}>
          <span class="skeleton" style={`width:${width}%;height:16px;margin:3px 0`} />
        </div>
      ))}
    </div>
  )
}
