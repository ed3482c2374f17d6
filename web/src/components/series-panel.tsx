import { useMemo, useRef, useState } from 'preact/hooks'
import type { QueryAnswer, StreamSummary } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { count } from '../format.ts'
import { api } from '../state/api.ts'
import { RANGES, type RangeName } from '../state/ranges.ts'
import { keyOf, type SeriesTable, seriesTable } from '../state/series.ts'
import { timeMs } from '../state/slots.ts'
import { type Bounds, boundsOf, type StreamEnd } from '../state/stream-end.ts'
import type { Trending } from '../state/trending.ts'
import { usePolled } from '../state/use-query.ts'
import { CloseIcon } from './icons.tsx'
import { NoAnswer, PanelFoot } from './panel-foot.tsx'
import { RangeControl } from './range-control.tsx'
import { SeriesChart } from './series-chart.tsx'
import { rangeText } from './shares-panel.tsx'
import { LINES_MAX } from './trends-panel.tsx'

const REFRESH_MS = 5_000
const RANGE_NAMES: readonly RangeName[] = ['1 h', '6 h', '24 h', '7 d']

interface SeriesProps {
  readonly stream: StreamSummary
  readonly view: string
  readonly end: StreamEnd
  /** Keys drawn. */
  readonly lines: readonly string[]
  /** Keys that the search proposes. */
  readonly known: readonly Trending[]
  readonly onLines: (lines: readonly string[]) => void
}

/** The uses of up to five keys over time, from batch and speed layer together. */
export function SeriesPanel({ stream, view, end, lines, known, onLines }: SeriesProps) {
  const [range, setRange] = useState<RangeName>('6 h')
  const live = usePage((state) => state.connection.kind === 'open')
  const nowMs = usePage((state) => state.status?.nowMs ?? Date.now())
  const slotMs = stream.views.find(({ name }) => name === view)?.slotMs ?? 300_000
  const bounds = boundsOf(end, RANGES[range], slotMs, nowMs)
  const { table, answer, problem, again } = useSeries(
    `${stream.name}.${view}`,
    lines,
    bounds,
    slotMs,
    `${range} ${end.kind}`,
    live,
  )
  return (
    <section
      class="card at-series"
      aria-labelledby="series-title"
      aria-busy={table === undefined && lines.length > 0}
    >
      <div class="card-head">
        <h2 id="series-title">
          Over time <small>{rangeText(bounds, nowMs)}</small>
        </h2>
        <RangeControl names={RANGE_NAMES} value={range} onChange={setRange} />
      </div>
      <Search lines={lines} known={known} onLines={onLines} />
      {lines.length === 0 ? (
        <div class="empty series-empty">
          <strong>No line chosen</strong>
          <p>Search a hashtag above, or pick one that trends.</p>
        </div>
      ) : table === undefined ? (
        problem === undefined ? (
          <div class="series-plot">
            <span class="skeleton" style="margin:12px 8px" />
          </div>
        ) : (
          <NoAnswer problem={problem} again={again} />
        )
      ) : (
        <SeriesChart table={table} horizonMs={horizonOf(answer)} nowMs={nowMs} />
      )}
      <ul class="series-keys">
        {lines.map((key, i) => {
          const line = table?.lines.find((found) => found.key === key)
          return (
            <li key={key} data-key={key}>
              <span class="swatch" style={`background:var(--series-${i + 1})`} />
              <span class="series-name">#{key}</span>
              <span class="series-figures">
                {line === undefined
                  ? '…'
                  : line.total === 0
                    ? 'no uses in this range'
                    : `${count(line.total)} uses, peak ${count(line.peak)}`}
              </span>
              <button
                type="button"
                class="button plain square tiny"
                aria-label={`Take off #${key}`}
                onClick={() => onLines(lines.filter((other) => other !== key))}
              >
                <CloseIcon />
              </button>
            </li>
          )
        })}
      </ul>
      <PanelFoot answer={answer} problem={table === undefined ? undefined : problem} />
    </section>
  )
}

/** The lines' answers; those of lines that stay are shown until newer ones come. */
function useSeries(
  view: string,
  lines: readonly string[],
  bounds: Bounds,
  slotMs: number,
  of: string,
  live: boolean,
) {
  const { fromMs = 0, toMs = 0 } = bounds
  const subject = lines.length === 0 ? '' : `${view} ${of} ${lines.join()}`
  const { answer, problem, again } = usePolled(
    subject,
    async (signal) => {
      const question = { view, bySlot: true, fromMs, toMs }
      const answers = await Promise.all(lines.map((key) => api.query({ ...question, key }, signal)))
      return { of, answers: new Map(lines.map((key, i) => [key, answers[i] as QueryAnswer])) }
    },
    REFRESH_MS,
    live,
  )
  const last = useRef(answer)
  if (answer !== undefined) last.current = answer
  const shown = last.current?.of === of ? last.current : undefined
  const table = useMemo(
    (): SeriesTable | undefined => shown && seriesTable(lines, shown.answers, { fromMs, toMs, slotMs }),
    [shown, lines, fromMs, toMs, slotMs],
  )
  return { table, answer: shown?.answers.values().next().value, problem, again }
}

function horizonOf(answer: QueryAnswer | undefined): number | undefined {
  const horizon = answer?.horizon
  return horizon === undefined || horizon === null ? undefined : timeMs(horizon)
}

function Search({ lines, known, onLines }: Pick<SeriesProps, 'lines' | 'known' | 'onLines'>) {
  const [text, setText] = useState('')
  const key = keyOf(text)
  const full = lines.length >= LINES_MAX
  const add = (event: Event) => {
    event.preventDefault()
    if (key === '') return
    if (!lines.includes(key)) onLines([...lines, key].slice(-LINES_MAX))
    setText('')
  }
  return (
    <form class="series-search" onSubmit={add}>
      <input
        type="search"
        class="input"
        list="known-keys"
        aria-label="Hashtag to draw"
        placeholder="A hashtag, such as #news"
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <datalist id="known-keys">
        {known.map((one) => (
          <option key={one.key} value={one.key} />
        ))}
      </datalist>
      <button type="submit" class="button" disabled={key === ''}>
        Draw
      </button>
      {full && <span class="tone-quiet">{LINES_MAX} lines at most: the next takes the oldest off</span>}
    </form>
  )
}
