import { useMemo, useState } from 'preact/hooks'
import type { StreamSummary } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { count, ratio, slotTime } from '../format.ts'
import { boundsOf, type StreamEnd } from '../state/stream-end.ts'
import { type Trending, trendingOf } from '../state/trending.ts'
import { useQuery } from '../state/use-query.ts'
import { useSlides } from '../state/use-slides.ts'
import { restOf } from './data-panel.tsx'
import { NoRecords } from './panel-foot.tsx'
import { SeriesPanel } from './series-panel.tsx'
import { SharesPanel } from './shares-panel.tsx'

interface TrendsProps {
  readonly stream: StreamSummary
  /** Views of the stream: what slides, and what a key's past is drawn from. */
  readonly trending: string
  readonly series: string
  readonly end: StreamEnd
}

/** Lines of the chart that are there before anyone asks for others. */
const LINES_AT_START = 3
export const LINES_MAX = 5

/** What is used most now, and the past of any of it. */
export function TrendsPanel({ stream, series, end }: TrendsProps) {
  const [chosen, setChosen] = useState<readonly string[]>()
  const now = useTrendingNow(stream, series, end)
  const first = useMemo(() => now.rows.slice(0, LINES_AT_START).map(({ key }) => key), [now.rows])
  const lines = chosen ?? first
  const toggle = (key: string) => {
    const without = lines.filter((line) => line !== key)
    setChosen(without.length < lines.length ? without : [...lines, key].slice(-LINES_MAX))
  }
  return (
    <>
      <section class="card at-trending" aria-labelledby="trending-title" aria-busy={now.loading}>
        <div class="card-head">
          <h2 id="trending-title">
            {now.past ? 'Most used' : 'Trending now'}
            <small>{now.window}</small>
          </h2>
          {now.behind && (
            <span
              class="pill tone-water"
              title="Windows close one after the other, at the pace of the records"
            >
              Catching up
            </span>
          )}
          {now.provisional && (
            <span class="pill tone-warn" title="A partition gave nothing for a minute and was not waited for">
              Provisional
            </span>
          )}
        </div>
        {now.loading ? (
          <TrendingSkeletons />
        ) : now.rows.length === 0 ? (
          <NoTrends stream={stream} end={end} />
        ) : (
          <TrendingList rows={now.rows} lines={lines} onToggle={toggle} />
        )}
        {now.note !== '' && <p class="panel-foot">{now.note}</p>}
      </section>
      <SeriesPanel
        stream={stream}
        view={series}
        end={end}
        lines={lines}
        known={now.rows}
        onLines={setChosen}
      />
      <SharesPanel stream={stream} views={restOf(stream)} end={end} title="Who posts" top={10} />
    </>
  )
}

interface TrendingNow {
  readonly rows: readonly Trending[]
  readonly loading: boolean
  /** Of posts of the past: from the views, at the newest of them. */
  readonly past: boolean
  readonly window: string
  readonly note: string
  readonly provisional: boolean
  /** The latest window is of a while ago, though records come. */
  readonly behind: boolean
}

const WINDOW_MS = 600_000
/** A window closes 20 s after its end, or up to a minute later where closing is scheduled by the minute. */
const BEHIND_MS = 120_000
const TOP = 20

/** From the slides; where there are none, since the records are of the past, from the view at the newest record. */
function useTrendingNow(stream: StreamSummary, series: string, end: StreamEnd): TrendingNow {
  const { slides, loading } = useSlides(stream.name)
  const live = usePage((state) => state.connection.kind === 'open')
  const nowMs = usePage((state) => state.status?.nowMs ?? Date.now())
  const slotMs = stream.views.find(({ name }) => name === series)?.slotMs ?? 300_000
  const past = end.kind === 'past'
  const bounds = boundsOf(end, WINDOW_MS, slotMs, nowMs)
  const { answer } = useQuery(
    past ? `${stream.name}.${series} ${end.endMs}` : '',
    () => ({ view: `${stream.name}.${series}`, bySlot: false, ...bounds }),
    WINDOW_MS,
    live,
  )
  const rows = useMemo(() => trendingOf(slides), [slides])
  const latest = slides.at(-1)
  const old = useMemo(() => mostUsed(answer?.rows ?? []), [answer])
  if (past && (latest === undefined || latest.to < end.endMs)) {
    const window = `10 minutes to ${slotTime(end.endMs, nowMs)}`
    const note =
      'These posts are of the past, so nothing trends now: this is what was used most before the newest of them.'
    return {
      rows: old,
      loading: answer === undefined,
      past: true,
      window,
      note,
      provisional: false,
      behind: false,
    }
  }
  const window = latest === undefined ? '' : `10 minutes to ${timeOfSlide(latest.to, nowMs)}`
  const late =
    latest === undefined || latest.late === 0 ? '' : ` ${count(latest.late)} came too late for any window.`
  const note =
    latest === undefined
      ? ''
      : `${count(latest.uses)} uses in the window.${late} A new window every 10 seconds, 20 seconds after its end.`
  const waiting = loading || end.kind === 'loading'
  return {
    rows,
    loading: waiting && rows.length === 0,
    past: false,
    window,
    note,
    provisional: latest?.provisional ?? false,
    behind: end.kind === 'live' && latest !== undefined && latest.to < nowMs - BEHIND_MS,
  }
}

function timeOfSlide(ms: number, nowMs: number): string {
  return `${slotTime(ms, nowMs)}:${String(new Date(ms).getSeconds()).padStart(2, '0')}`
}

function mostUsed(
  rows: readonly { readonly key: string; readonly [aggregate: string]: unknown }[],
): readonly Trending[] {
  return rows
    .map(({ key, count: uses }) => ({ key, count: Number(uses ?? 0) }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
    .slice(0, TOP)
    .map((row, i) => ({ ...row, rank: i + 1, moved: undefined, entered: false, burst: undefined }))
}

function TrendingList(props: {
  readonly rows: readonly Trending[]
  readonly lines: readonly string[]
  readonly onToggle: (key: string) => void
}) {
  const { rows, lines, onToggle } = props
  const most = rows[0]?.count ?? 1
  return (
    <ol class="trending">
      {rows.map(({ key, count: uses, rank, moved, entered, burst }) => (
        <li key={key}>
          <button
            type="button"
            class="trend"
            data-key={key}
            aria-pressed={lines.includes(key)}
            title={lines.includes(key) ? 'Take its line off the chart' : 'Draw its past'}
            onClick={() => onToggle(key)}
          >
            <span class="trend-rank">{rank}</span>
            <Movement moved={moved} entered={entered} />
            <span class="trend-name">
              #{key}
              {burst !== undefined && (
                <em class="burst" title={`By chance once in ${chance(burst.log10P)} windows`}>
                  burst: {count(burst.uses)}, {ratio(burst.expected)} expected
                </em>
              )}
            </span>
            <span class="trend-bar" aria-hidden="true">
              <i style={`width:${((uses / most) * 100).toFixed(1)}%`} />
            </span>
            <span class="trend-count">
              {count(uses)}
              <span class="unseen"> uses</span>
            </span>
          </button>
        </li>
      ))}
    </ol>
  )
}

function Movement({ moved, entered }: Pick<Trending, 'moved' | 'entered'>) {
  if (entered) return <span class="moved tone-water">new</span>
  if (moved === undefined) return <span class="moved" />
  if (moved === 0)
    return (
      <span class="moved tone-quiet">
        <span aria-hidden="true">–</span>
        <span class="unseen">unmoved</span>
      </span>
    )
  return (
    <span class={`moved ${moved > 0 ? 'tone-good' : 'tone-bad'}`}>
      <span class="unseen">{moved > 0 ? 'up' : 'down'} </span>
      <span aria-hidden="true">{moved > 0 ? '▲' : '▼'}</span>
      {Math.abs(moved)}
    </span>
  )
}

/** 10^9 as people say it. */
function chance(log10P: number): string {
  return `10^${Math.round(-log10P)}`
}

function NoTrends({ stream, end }: { readonly stream: StreamSummary; readonly end: StreamEnd }) {
  if (end.kind === 'none') return <NoRecords stream={stream.name} what={stream.title.toLowerCase()} />
  return (
    <div class="empty">
      <strong>Nothing trends yet</strong>
      <p>The first window closes 20 seconds after the first records, then one every 10 seconds.</p>
    </div>
  )
}

function TrendingSkeletons() {
  return (
    <div class="trending" aria-hidden="true">
      {Array.from({ length: TOP }, (_, i) => 90 - 3 * i).map((width) => (
        <div class="trend" key={width}>
          <span class="skeleton" style={`height:16px;width:${width}%;grid-column:1/-1`} />
        </div>
      ))}
    </div>
  )
}
