import { useMemo } from 'preact/hooks'
import type { QueryRow } from '../../../lib/serve/dashboard-messages.ts'
import { useFeed, usePage } from '../context.ts'
import { timeMs } from '../state/slots.ts'
import { boundsOf, type StreamEnd } from '../state/stream-end.ts'
import { useQuery } from '../state/use-query.ts'
import { Alerts } from './alerts.tsx'
import { type DataPanelProps, restOf } from './data-panel.tsx'
import type { FlowOptions } from './flow-cells.tsx'
import { SharesPanel } from './shares-panel.tsx'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const PASTS_EVERY_MS = 60_000
/** Room for the answer of so many kinds and slots; beyond it incidents come without their pasts. */
const ROWS_MAX = 60_000

/** Incidents with the hosts at both ends, then what fires most, from where and to where. */
export function IncidentsPanel({ stream, end, selected, onSelect }: DataPanelProps) {
  const views = restOf(stream)
  const kinds = views.find(({ groupBy }) => groupBy.length === 1)
  const field = kinds?.groupBy[0] ?? ''
  const pasts = usePasts(stream.name, kinds?.name, kinds?.slotMs ?? HOUR_MS, end)
  const flows = useMemo((): FlowOptions => ({ field, pasts }), [field, pasts])
  const labelOf = useKindNames(kinds?.name, field)
  return (
    <>
      <Alerts selected={selected} onSelect={onSelect} flows={flows} />
      <SharesPanel
        stream={stream}
        views={views}
        end={end}
        title="What fires, from where, to where"
        labelOf={labelOf}
      />
    </>
  )
}

/** Counts of each kind in each hour of the stream's last day. */
function usePasts(
  stream: string,
  view: string | undefined,
  slotMs: number,
  end: StreamEnd,
): ReadonlyMap<string, readonly number[]> {
  const live = usePage((state) => state.connection.kind === 'open')
  const ready = view !== undefined && (end.kind === 'live' || end.kind === 'past')
  const bounds = boundsOf(end, DAY_MS, HOUR_MS, Date.now())
  const question = { view: `${stream}.${view}`, ...bounds }
  const sums = useQuery(
    ready ? `${question.view} ${end.kind}` : '',
    () => ({ ...question, bySlot: false }),
    PASTS_EVERY_MS,
    live,
  )
  const few = sums.answer !== undefined && sums.answer.rows.length * (DAY_MS / slotMs) <= ROWS_MAX
  const slots = useQuery(
    few ? `${question.view} ${end.kind}` : '',
    () => ({ ...question, bySlot: true }),
    PASTS_EVERY_MS,
    live,
  )
  const rows = slots.answer?.rows
  const lastHour = Math.floor(((bounds.toMs ?? 0) - 1) / HOUR_MS)
  return useMemo(() => hourly(rows ?? [], lastHour), [rows, lastHour])
}

function hourly(rows: readonly QueryRow[], lastHour: number): ReadonlyMap<string, readonly number[]> {
  const pasts = new Map<string, number[]>()
  for (const { key, from, count } of rows) {
    const past = pasts.get(key) ?? new Array<number>(24).fill(0)
    pasts.set(key, past)
    const hour = 23 - (lastHour - Math.floor(timeMs(from) / HOUR_MS))
    if (hour >= 0) past[hour] = (past[hour] ?? 0) + Number(count ?? 0)
  }
  return pasts
}

/** What the ids of kinds mean, as the incidents on the page say it. */
function useKindNames(view: string | undefined, field: string) {
  const incidents = useFeed(({ shown }) => shown)
  return useMemo(() => {
    const names = new Map<string, string>()
    for (const { record } of incidents)
      if (typeof record.message === 'string') names.set(String(record[field]), record.message)
    return (of: string, { key }: QueryRow) => {
      const name = of === view ? names.get(key) : undefined
      return name === key ? undefined : name
    }
  }, [incidents, view, field])
}
