import { useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { compact, count, slotTime } from '../format.ts'
import { usePlot } from '../plot.ts'
import type { SeriesTable } from '../state/series.ts'
import { colour, fade } from '../theme.ts'
import { tickLabels } from '../ticks.ts'

interface SeriesChartProps {
  readonly table: SeriesTable
  /** Records appended before it come from the batch layer. */
  readonly horizonMs: number | undefined
  readonly nowMs: number
}

/** Lines of counts by slot, with the horizon between batch and speed layer, and the slot that still fills. */
export function SeriesChart({ table, horizonMs, nowMs }: SeriesChartProps) {
  const data = useMemo(
    (): uPlot.AlignedData => [
      table.startsMs.map((ms) => ms / 1_000),
      ...table.lines.map(({ values }) => [...values]),
    ],
    [table],
  )
  const [column, setColumn] = useState<number>()
  const latest = useRef({ table, horizonMs, nowMs })
  latest.current = { table, horizonMs, nowMs }
  const shape = `${table.lines.map(({ key }) => key).join()} ${horizonMs}`
  const element = usePlot(() => options(table.lines.length, () => latest.current, setColumn), data, shape)
  const totals = table.lines.map(({ key, total }) => `${key} ${count(total)}`)
  return (
    <div class="series-plot">
      <div
        ref={element}
        role="img"
        aria-label={`${table.startsMs.length} slots; uses in all: ${totals.join(', ')}. Totals and peaks are in the list below.`}
      />
      {column !== undefined && <Tip table={table} column={column} nowMs={nowMs} />}
    </div>
  )
}

function Tip({
  table,
  column,
  nowMs,
}: {
  readonly table: SeriesTable
  readonly column: number
  readonly nowMs: number
}) {
  const startMs = table.startsMs[column]
  if (startMs === undefined) return null
  return (
    <div class="slots-tip" style={column < table.startsMs.length / 2 ? 'right:14px' : 'left:58px'}>
      <b>{slotTime(startMs, nowMs)}</b>
      <ul>
        {table.lines.map(({ key, values }, i) => (
          <li key={key}>
            <span class="swatch" style={`background:var(--series-${i + 1})`} />
            <span>#{key}</span>
            <span>{count(values[column] ?? 0)}</span>
          </li>
        ))}
      </ul>
      {startMs + table.slotMs > nowMs && <span class="tone-quiet">Provisional: still filling</span>}
    </div>
  )
}

function options(
  lines: number,
  latest: () => SeriesChartProps,
  hover: (column: number | undefined) => void,
): Omit<uPlot.Options, 'width' | 'height'> {
  const axis = { stroke: colour('--ink-3'), font: `12px ${getComputedStyle(document.body).fontFamily}` }
  const grid = { stroke: colour('--line'), width: 1 }
  const step = uPlot.paths.stepped?.({ align: 1 })
  return {
    legend: { show: false },
    cursor: { x: true, y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
    padding: [24, 8, 0, 0],
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
        space: 90,
        values: (_, ticks) => tickLabels(ticks, bounds(latest().table)),
      },
      { ...axis, grid, ticks: { show: false }, size: 50, gap: 6, values: (_, ticks) => ticks.map(compact) },
    ],
    series: [
      {},
      ...Array.from({ length: lines }, (_, i) => ({
        stroke: colour(`--series-${i + 1}`),
        width: 2,
        points: { show: false },
        ...(step === undefined ? {} : { paths: step }),
      })),
    ],
    hooks: {
      setCursor: [({ cursor }) => hover((cursor.left ?? -1) < 0 ? undefined : (cursor.idx ?? undefined))],
      drawClear: [(chart) => drawFilling(chart, latest())],
      draw: [(chart) => drawHorizon(chart, latest())],
    },
  }
}

function bounds({ startsMs, slotMs }: SeriesTable): [number, number] {
  const first = startsMs[0] ?? 0
  return [first / 1_000, (first + startsMs.length * slotMs) / 1_000]
}

/** What still fills is no fall. */
function drawFilling(chart: uPlot, { table, nowMs }: SeriesChartProps): void {
  const last = table.startsMs.at(-1)
  if (last === undefined || last + table.slotMs <= nowMs) return
  const { ctx, bbox } = chart
  const left = chart.valToPos(last / 1_000, 'x', true)
  ctx.save()
  ctx.fillStyle = fade(colour('--ink-3'), 0.14)
  ctx.fillRect(left, bbox.top, bbox.left + bbox.width - left, bbox.height)
  ctx.restore()
}

function drawHorizon(chart: uPlot, { table, horizonMs }: SeriesChartProps): void {
  const [from, to] = bounds(table)
  const at = (horizonMs ?? 0) / 1_000
  if (at <= from || at >= to) return
  const { ctx, bbox } = chart
  const ratio = devicePixelRatio
  const x = Math.round(chart.valToPos(at, 'x', true))
  ctx.save()
  ctx.strokeStyle = colour('--ink-3')
  ctx.fillStyle = colour('--ink-2')
  ctx.lineWidth = ratio
  ctx.setLineDash([4 * ratio, 4 * ratio])
  ctx.beginPath()
  ctx.moveTo(x, bbox.top - 8 * ratio)
  ctx.lineTo(x, bbox.top + bbox.height)
  ctx.stroke()
  ctx.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`
  ctx.textAlign = 'right'
  ctx.fillText('batch', x - 6 * ratio, bbox.top - 10 * ratio)
  ctx.textAlign = 'left'
  ctx.fillText('speed', x + 6 * ratio, bbox.top - 10 * ratio)
  ctx.restore()
}
