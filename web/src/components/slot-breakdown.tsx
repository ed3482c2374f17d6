import { useMemo, useRef, useState } from 'preact/hooks'
import { count, percent } from '../format.ts'
import { Palette } from '../state/palette.ts'
import { OTHERS, type SlotSeries, type SlotTable, topSeries } from '../state/slots.ts'
import { SlotChart } from './slot-chart.tsx'

/** Keys with a colour and a line of their own. */
const TOP = 7

/** The chart, and under it the keys: their colours, sums and shares; one of them can be shown alone. */
export function Breakdown(props: {
  readonly table: SlotTable
  readonly stacked: boolean
  readonly nowMs: number
  readonly problem: string | undefined
}) {
  const { table, stacked, nowMs, problem } = props
  const [chosen, setChosen] = useState<string>()
  const palette = useRef(new Palette()).current
  const one = table.series.find(({ key }) => key === chosen)
  const { listed, drawn } = useMemo(() => {
    const top = stacked ? topSeries(table.series, TOP) : table.series.slice(0, TOP)
    return { listed: top, drawn: one === undefined ? top : [one] }
  }, [table, one, stacked])
  palette.assign([...new Set([...listed, ...drawn].map(({ key }) => key))])
  return (
    <>
      <SlotChart
        table={table}
        series={drawn}
        colourOf={(key) => palette.colourOf(key)}
        stacked={stacked}
        nowMs={nowMs}
      />
      {problem !== undefined && (
        <p class="list-end tone-warn" role="status">
          Not up to date: {problem}
        </p>
      )}
      <Keys
        table={table}
        listed={one === undefined || listed.includes(one) ? listed : [...listed, one]}
        palette={palette}
        stacked={stacked}
        chosen={one?.key}
        onChoose={setChosen}
      />
      <OtherKeys table={table} chosen={one?.key} onChoose={setChosen} />
    </>
  )
}

function Keys(props: {
  readonly table: SlotTable
  readonly listed: readonly SlotSeries[]
  readonly palette: Palette
  readonly stacked: boolean
  readonly chosen: string | undefined
  readonly onChoose: (key: string | undefined) => void
}) {
  const { table, listed, palette, stacked, chosen, onChoose } = props
  return (
    <ul class="keys">
      {listed.map(({ key, label, total }) => (
        <li key={key}>
          <button
            type="button"
            class="key"
            disabled={key === OTHERS}
            aria-pressed={key === OTHERS ? undefined : key === chosen}
            title={key === chosen ? 'Show all keys' : key === OTHERS ? undefined : `Show ${label} alone`}
            onClick={() => onChoose(key === chosen ? undefined : key)}
          >
            <span class="swatch" style={`background:var(${palette.colourOf(key)})`} />
            <span class="key-name">{label}</span>
            <span>{count(total)}</span>
            <span class="key-share">{stacked && table.total > 0 ? percent(total / table.total) : ''}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}

/** The way to a key that is not among the first. */
function OtherKeys(props: {
  readonly table: SlotTable
  readonly chosen: string | undefined
  readonly onChoose: (key: string | undefined) => void
}) {
  const { table, chosen, onChoose } = props
  if (table.series.length <= TOP + 1) return null
  return (
    <p class="slots-controls" style="padding-bottom:16px">
      <select
        class="select"
        aria-label="One key"
        value={chosen ?? ''}
        onChange={(event) => onChoose(event.currentTarget.value || undefined)}
      >
        <option value="">All {count(table.series.length)} keys</option>
        {table.series.slice(0, 500).map(({ key, label }) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
    </p>
  )
}
