import { useMemo, useState } from 'preact/hooks'
import type { StreamSummary, ViewSummary } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { LAYERS, type Layer, layersText } from '../state/layers.ts'
import { slotTable } from '../state/slots.ts'
import type { StreamEnd } from '../state/stream-end.ts'
import { useQuery } from '../state/use-query.ts'
import { Breakdown } from './slot-breakdown.tsx'

type Range = '1 h' | '6 h' | '24 h' | 'All'
const RANGES: Readonly<Record<Range, number | undefined>> = {
  '1 h': 3_600_000,
  '6 h': 6 * 3_600_000,
  '24 h': 24 * 3_600_000,
  All: undefined,
}
const REFRESH_MS = 4_000
const COLUMNS_MAX = 72

/** Counts of a stream's views per slot, by key. */
export function SlotsPanel({ stream, end }: { readonly stream: StreamSummary; readonly end: StreamEnd }) {
  const [viewName, setViewName] = useState<string>()
  const views = [...stream.views].sort((a, b) => tellsLittle(a) - tellsLittle(b))
  const view = views.find(({ name }) => name === viewName) ?? views[0]
  if (view === undefined) return null
  return (
    <section class="card" aria-labelledby="slots-title">
      <div class="card-head">
        <h2 id="slots-title">Counts per slot</h2>
        <select
          class="select"
          aria-label="View"
          value={view.name}
          onChange={(event) => setViewName(event.currentTarget.value)}
        >
          {views.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </div>
      <ViewSlots key={`${stream.name}.${view.name}`} stream={stream.name} view={view} end={end} />
    </section>
  )
}

function ViewSlots(props: { readonly stream: string; readonly view: ViewSummary; readonly end: StreamEnd }) {
  const { stream, view, end } = props
  const [chosen, setRange] = useState<Range>()
  // Of records of the past the last hour has nothing.
  const range = chosen ?? (end.kind === 'past' ? 'All' : '1 h')
  const [layer, setLayer] = useState<Layer>('merged')
  const [aggregate, setAggregate] = useState(
    view.aggregates.includes('count') ? 'count' : (view.aggregates[0] ?? 'count'),
  )
  const live = usePage((state) => state.connection.kind === 'open')
  const nowMs = usePage((state) => Math.floor((state.status?.nowMs ?? Date.now()) / 1_000) * 1_000)
  const rangeMs = RANGES[range]
  const fromMs = rangeMs === undefined ? undefined : slotEnd(nowMs, view.slotMs) - rangeMs
  const { answer, problem } = useQuery(
    `${stream}.${view.name} ${range} ${layer}`,
    () => ({
      view: `${stream}.${view.name}`,
      bySlot: true,
      layer,
      ...(fromMs === undefined ? {} : { fromMs, toMs: slotEnd(nowMs, view.slotMs) }),
    }),
    REFRESH_MS,
    live,
  )
  const stacked = (view.additive ?? ['count']).includes(aggregate)
  const table = useMemo(() => {
    const bounds = fromMs === undefined ? {} : { fromMs, toMs: fromMs + (rangeMs ?? 0) }
    const options = { aggregate, additive: stacked, slotMs: view.slotMs, columnsMax: COLUMNS_MAX }
    return slotTable(answer?.rows ?? [], { ...options, ...bounds })
  }, [answer, aggregate, fromMs, rangeMs, stacked, view.slotMs])
  return (
    <>
      <div class="slots-controls">
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset brings layout of its own */}
        <div class="segments" role="group" aria-label="Time range">
          {(Object.keys(RANGES) as Range[]).map((name) => (
            <button type="button" key={name} aria-pressed={name === range} onClick={() => setRange(name)}>
              {name}
            </button>
          ))}
        </div>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset brings layout of its own */}
        <div class="segments" role="group" aria-label="Layer">
          {(Object.keys(LAYERS) as Layer[]).map((name) => (
            <button type="button" key={name} aria-pressed={name === layer} onClick={() => setLayer(name)}>
              {LAYERS[name]}
            </button>
          ))}
        </div>
        {view.aggregates.length > 1 && (
          <select
            class="select"
            aria-label="Aggregate"
            value={aggregate}
            onChange={(event) => setAggregate(event.currentTarget.value)}
          >
            {view.aggregates.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </div>
      {answer === undefined && problem === undefined ? (
        <div class="slots-plot" aria-busy="true">
          <span class="skeleton" style="height:200px;margin:12px 8px" />
        </div>
      ) : table.series.length === 0 ? (
        <Nothing problem={problem} range={range} onAll={() => setRange('All')} />
      ) : (
        <Breakdown table={table} stacked={stacked} nowMs={nowMs} problem={problem} />
      )}
      {answer !== undefined && <p class="slots-layers">{layersText(answer, layer)}</p>}
    </>
  )
}

/** The view every stream has is the least telling, then those of patterns, and those whose keys are ids: they come last. */
function tellsLittle({ name, forPatterns = false, groupBy }: ViewSummary): number {
  if (name === 'records') return 3
  if (forPatterns) return 2
  return groupBy.includes('templateId') ? 1 : 0
}

function slotEnd(nowMs: number, slotMs: number): number {
  return (Math.floor(nowMs / slotMs) + 1) * slotMs
}

function Nothing(props: {
  readonly problem: string | undefined
  readonly range: Range
  readonly onAll: () => void
}) {
  const { problem, range, onAll } = props
  if (problem !== undefined)
    return (
      <div class="empty" role="alert">
        <strong>No answer to the query</strong>
        <p>{problem}</p>
      </div>
    )
  if (range === 'All')
    return (
      <div class="empty">
        <strong>Nothing counted yet</strong>
        <p>Counts appear here seconds after the first records.</p>
      </div>
    )
  return (
    <div class="empty">
      <strong>Nothing in the last {range}</strong>
      <p>Records may carry times of their own, long past.</p>
      <p style="margin-top:12px">
        <button type="button" class="button small" onClick={onAll}>
          Show all times
        </button>
      </p>
    </div>
  )
}
