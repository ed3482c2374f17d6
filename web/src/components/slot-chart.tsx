import { useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { compact, count, slotTime } from '../format.ts'
import { usePlot } from '../plot.ts'
import type { SlotSeries, SlotTable } from '../state/slots.ts'
import { colour } from '../theme.ts'
import { tickLabels } from '../ticks.ts'

export interface SlotChartProps {
  readonly table: SlotTable
  /** What is drawn, the first at the bottom. */
  readonly series: readonly SlotSeries[]
  /** Custom property of a series' colour. */
  readonly colourOf: (key: string) => string
  /** Bars on each other; otherwise lines, each for itself. */
  readonly stacked: boolean
  readonly nowMs: number
}

/** Values per slot: bars on each other where they add up, lines where they do not. */
export function SlotChart({ table, series, colourOf, stacked, nowMs }: SlotChartProps) {
  const [column, setColumn] = useState<number>()
  const latest = useRef({ table, nowMs })
  latest.current = { table, nowMs }
  const data = useMemo(() => plotData(table, series, stacked), [table, series, stacked])
  const shape = `${stacked} ${series.map(({ key }) => `${key}${colourOf(key)}`).join()}`
  const element = usePlot(
    () => options(series, colourOf, stacked, () => latest.current, setColumn),
    data,
    shape,
  )
  return (
    <div class="slots-plot">
      <div ref={element} style="height:100%" role="img" aria-label={describe(table, series)} />
      {column !== undefined && (
        <Tip
          table={table}
          series={series}
          colourOf={colourOf}
          stacked={stacked}
          column={column}
          nowMs={nowMs}
        />
      )}
    </div>
  )
}

function describe(table: SlotTable, series: readonly SlotSeries[]): string {
  const tops = series.slice(0, 3).map(({ label, total }) => `${label} ${count(total)}`)
  return `${table.startsMs.length} slots, most: ${tops.join(', ')}. All values are in the list below.`
}

function Tip(props: SlotChartProps & { readonly column: number }) {
  const { table, series, colourOf, stacked, column, nowMs } = props
  const startMs = table.startsMs[column]
  if (startMs === undefined) return null
  const rows = series.filter(
    ({ values }) => (values[column] ?? null) !== null && (!stacked || values[column] !== 0),
  )
  const sum = rows.reduce((total, { values }) => total + (values[column] ?? 0), 0)
  const right = column < table.startsMs.length / 2
  return (
    <div class="slots-tip" style={right ? 'right:14px' : 'left:58px'}>
      <b>
        <span>{slotTime(startMs, nowMs)}</span>
        {stacked && <span>{count(sum)}</span>}
      </b>
      <ul>
        {rows.map(({ key, label, values }) => (
          <li key={key}>
            <span class="swatch" style={`background:var(${colourOf(key)})`} />
            <span>{label}</span>
            <span>{count(values[column] ?? 0)}</span>
          </li>
        ))}
      </ul>
      {startMs + table.widthMs > nowMs && <span class="tone-quiet">Still filling</span>}
    </div>
  )
}

/** Bars on each other are drawn as sums, the tallest first, so that each covers the foot of the one before. */
function plotData(table: SlotTable, series: readonly SlotSeries[], stacked: boolean): uPlot.AlignedData {
  const x = table.startsMs.map((ms) => ms / 1_000)
  if (!stacked) return [x, ...series.map(({ values }) => [...values])]
  const sums = new Array<number>(x.length).fill(0)
  const layers = series.map(({ values }) => {
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + (values[i] ?? 0)
    return [...sums]
  })
  return [x, ...layers.reverse()]
}

function options(
  series: readonly SlotSeries[],
  colourOf: (key: string) => string,
  stacked: boolean,
  latest: () => { readonly table: SlotTable; readonly nowMs: number },
  hover: (column: number | undefined) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const bars = uPlot.paths.bars?.({ size: [0.82, 46], align: 1, radius: 0 })
  const ordered = stacked ? [...series].reverse() : series
  const axis = { stroke: colour('--ink-3'), font: `12px ${getComputedStyle(document.body).fontFamily}` }
  const grid = { stroke: colour('--line'), width: 1 }
  return {
    legend: { show: false },
    cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    padding: [12, 8, 0, 0],
    scales: {
      x: { range: () => bounds(latest().table) },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { show: false },
        gap: 6,
        size: 30,
        space: 64,
        align: 1,
        values: (_, ticks) => tickLabels(ticks, bounds(latest().table)),
      },
      { ...axis, grid, ticks: { show: false }, size: 50, gap: 6, values: (_, ticks) => ticks.map(compact) },
    ],
    series: [
      {},
      ...ordered.map(({ key }) => {
        const paint = colour(colourOf(key))
        if (stacked && bars !== undefined)
          return { fill: paint, stroke: paint, width: 0, paths: bars, points: { show: false } }
        return { stroke: paint, width: 2, points: { show: true, size: 5 } }
      }),
    ],
    hooks: { setCursor: [(chart) => hover(columnAt(chart, latest().table))] },
  }
}

function bounds({ startsMs, widthMs }: SlotTable): [number, number] {
  const first = startsMs[0] ?? 0
  return [first / 1_000, (first + startsMs.length * widthMs) / 1_000]
}

function columnAt(chart: uPlot, { startsMs, widthMs }: SlotTable): number | undefined {
  const left = chart.cursor.left ?? -1
  if (left < 0) return undefined
  const column = Math.floor((chart.posToVal(left, 'x') * 1_000 - (startsMs[0] ?? 0)) / widthMs)
  return column >= 0 && column < startsMs.length ? column : undefined
}
