import { useEffect, useMemo, useState } from 'preact/hooks'
import type {
  QueryAnswer,
  QueryRow,
  StreamSummary,
  ViewSummary,
} from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { count, decimal, slotTime } from '../format.ts'
import { barTable, pairTable } from '../state/bars.ts'
import { RANGES, type RangeName } from '../state/ranges.ts'
import { type Bounds, boundsOf, type StreamEnd } from '../state/stream-end.ts'
import { useQuery } from '../state/use-query.ts'
import { Bars, PairBars } from './bars.tsx'
import { NoAnswer, NoRecords, PanelFoot } from './panel-foot.tsx'
import { RangeControl } from './range-control.tsx'

const REFRESH_MS = 4_000
const RANGE_NAMES: readonly RangeName[] = ['1 h', '24 h', '7 d', 'All']

export interface SharesProps {
  readonly stream: StreamSummary
  readonly views: readonly ViewSummary[]
  readonly end: StreamEnd
  readonly title: string
  /** Keys shown of each view. */
  readonly top?: number
  /** What a row's key means, where the page knows. */
  readonly labelOf?: (view: string, row: QueryRow) => string | undefined
}

/** Each view's keys as bars, all of the same range and the same aggregate. */
export function SharesPanel(props: SharesProps) {
  const { stream, views, end, title } = props
  const [chosen, setChosen] = useState<RangeName>()
  const [aggregate, setAggregate] = useState('count')
  // Of a file that was replayed all is of interest; of what flows, the last day.
  const range = chosen ?? (end.kind === 'past' ? 'All' : '24 h')
  const [answer, setAnswer] = useState<QueryAnswer>()
  const nowMs = usePage((state) => state.status?.nowMs ?? Date.now())
  const aggregates = [...new Set(views.flatMap(({ additive = ['count'] }) => additive))]
  if (views.length === 0) return null
  const shown = views.filter(({ additive = ['count'] }) => additive.includes(aggregate))
  return (
    <section class="at-whole shares" aria-labelledby="shares-title">
      <div class="panel-head">
        <h2 id="shares-title">
          {title}{' '}
          <small>{rangeText(boundsOf(end, RANGES[range], views[0]?.slotMs ?? 0, nowMs), nowMs)}</small>
        </h2>
        {end.kind !== 'none' && <RangeControl names={RANGE_NAMES} value={range} onChange={setChosen} />}
        {end.kind !== 'none' && aggregates.length > 1 && (
          <select
            class="select"
            aria-label="What is added up"
            value={aggregate}
            onChange={(event) => setAggregate(event.currentTarget.value)}
          >
            {aggregates.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </div>
      {end.kind === 'none' ? (
        <div class="card">
          <NoRecords stream={stream.name} what={stream.title.toLowerCase()} />
        </div>
      ) : (
        <div class={`shares-grid of-${Math.min(6, shown.length)}`}>
          {shown.map((view) => (
            <ViewBars
              key={view.name}
              {...props}
              view={view}
              range={range}
              aggregate={aggregate}
              onAnswer={setAnswer}
            />
          ))}
        </div>
      )}
      {end.kind !== 'none' && <PanelFoot answer={answer} problem={undefined} />}
    </section>
  )
}

function ViewBars(
  props: SharesProps & {
    readonly view: ViewSummary
    readonly range: RangeName
    readonly aggregate: string
    readonly onAnswer: (answer: QueryAnswer) => void
  },
) {
  const { stream, view, end, range, aggregate, labelOf, onAnswer, top = 8 } = props
  const live = usePage((state) => state.connection.kind === 'open')
  const nowMs = usePage((state) => state.status?.nowMs ?? Date.now())
  const bounds = boundsOf(end, RANGES[range], view.slotMs, nowMs)
  const ready = end.kind !== 'loading'
  const { answer, problem, again } = useQuery(
    ready ? `${stream.name}.${view.name} ${range} ${end.kind}` : '',
    () => ({ view: `${stream.name}.${view.name}`, bySlot: false, ...bounds }),
    REFRESH_MS,
    live,
  )
  useEffect(() => {
    if (answer !== undefined) onAnswer(answer)
  }, [answer, onAnswer])
  const rows = answer?.rows
  const pairs = useMemo(() => rows && pairTable(rows, aggregate), [rows, aggregate])
  const table = useMemo(
    () =>
      rows && barTable(rows, { aggregate, additive: true, top, labelOf: (row) => labelOf?.(view.name, row) }),
    [rows, aggregate, top, labelOf, view.name],
  )
  return (
    <article class="card bar-card" data-view={view.name} aria-busy={table === undefined}>
      <div class="card-head">
        <h3>{view.title}</h3>
        <span class="bar-total">
          {table !== undefined && (
            <>
              <b>{decimal(table.total, table.decimals)}</b> {aggregate === 'count' ? '' : aggregate}
              {table.keys > 1 && <small> in {count(table.keys)} keys</small>}
            </>
          )}
        </span>
      </div>
      {table === undefined ? (
        problem === undefined ? (
          <BarSkeletons />
        ) : (
          <NoAnswer problem={problem} again={again} />
        )
      ) : table.bars.length === 0 ? (
        <div class="empty">
          <strong>Nothing in this range</strong>
          <p>No record of it has these fields. Choose a longer range above.</p>
        </div>
      ) : pairs !== undefined && pairs.parts.length > 1 ? (
        <PairBars table={pairs} label={view.title} />
      ) : (
        <Bars table={table} label={view.title} />
      )}
      {(problem !== undefined || (answer?.since ?? null) !== null) && table !== undefined && (
        <PanelFoot answer={answer} problem={problem} />
      )}
    </article>
  )
}

export function rangeText({ fromMs, toMs }: Bounds, nowMs: number): string {
  if (fromMs === undefined || toMs === undefined) return 'Of all times'
  return `${slotTime(fromMs, nowMs)} to ${slotTime(Math.min(toMs, Math.max(nowMs, fromMs)), nowMs)}`
}

function BarSkeletons() {
  return (
    <div class="bars" aria-hidden="true">
      {[92, 74, 61, 43, 30, 21].map((width) => (
        <div class="bar" key={width}>
          <span class="skeleton" style="height:14px;width:70%" />
          <span class="skeleton" style={`height:14px;width:${width}%`} />
          <span class="skeleton" style="height:14px;width:100%" />
        </div>
      ))}
    </div>
  )
}
