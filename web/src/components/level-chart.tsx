import { useMemo, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import { count } from '../format.ts'
import { usePlot } from '../plot.ts'
import { type Sample, shownMs } from '../state/history.ts'
import { colour, fade } from '../theme.ts'

/** Longer without a status is a hole in what the page knows, not a line. */
const GAP_MS = 5_000

interface LevelChartProps {
  readonly samples: readonly Sample[]
  /** Name of a stream that has nothing yet: how to feed it is said instead of a flat line. */
  readonly feedHint: string | undefined
}

/** The water behind the weir: records in flight over the last three minutes, and when a part was down. */
export function LevelChart({ samples, feedHint }: LevelChartProps) {
  const data = useMemo(() => levelData(samples), [samples])
  const latest = useRef(samples)
  latest.current = samples
  const element = usePlot(() => options(() => shownMs(latest.current)), data, 'level')
  const peak = samples.reduce((most, sample) => Math.max(most, sample.inFlight), 0)
  return (
    <div class="level">
      <div class="level-head">
        <span>
          In flight <b>{count(samples.at(-1)?.inFlight ?? 0)}</b>
        </span>
        <span>{peak > 0 && `Peak ${count(peak)} in ${span(shownMs(samples))}`}</span>
      </div>
      <div
        class="level-plot"
        ref={element}
        role="img"
        aria-label={`Records in flight over the last three minutes: now ${samples.at(-1)?.inFlight ?? 0}, at most ${peak}`}
      />
      {feedHint !== undefined && (
        <p class="level-hint">
          Feed it a file: <code>npx weir collect {feedHint} FILE</code>
        </p>
      )}
    </div>
  )
}

/** 20 s, 3 min. */
function span(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`
}

/** x in seconds; in flight; the same where a part was down, else null. */
function levelData(samples: readonly Sample[]): uPlot.AlignedData {
  const x: number[] = []
  const level: (number | null)[] = []
  const down: (number | null)[] = []
  let before: number | undefined
  for (const { atMs, inFlight, partDown } of samples) {
    if (before !== undefined && atMs - before > GAP_MS) {
      x.push((before + 1) / 1_000)
      level.push(null)
      down.push(null)
    }
    x.push(atMs / 1_000)
    level.push(inFlight)
    down.push(partDown ? 1 : null)
    before = atMs
  }
  return [x, level, down]
}

function options(spanMs: () => number): Omit<uPlot.Options, 'width' | 'height'> {
  const water = colour('--water-line')
  const bad = fade(colour('--bad'), 0.16)
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [30, 0, 0, 0],
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: (_, __, max) => [max - spanMs() / 1_000, max] },
      y: { range: (_, __, max) => [0, Math.max(10, max * 1.05)] },
      down: { range: [0, 1] },
    },
    series: [
      {},
      { stroke: water, width: 1.6, fill: fade(water, 0.18), points: { show: false } },
      { scale: 'down', show: true, stroke: 'transparent', points: { show: false } },
    ],
    hooks: { drawClear: [(chart) => drawDown(chart, bad)] },
  }
}

/** A band from the first to the last status of each time in which a part was not up. */
function drawDown(chart: uPlot, fill: string): void {
  const [x, , down] = chart.data
  const { ctx, bbox } = chart
  ctx.save()
  ctx.fillStyle = fill
  for (let i = 0; i < x.length; i++) {
    if (down?.[i] == null) continue
    const first = i
    while (down[i + 1] != null) i++
    const left = chart.valToPos((x[first] ?? 0) - 0.5, 'x', true)
    const right = chart.valToPos((x[i] ?? 0) + 0.5, 'x', true)
    ctx.fillRect(Math.max(bbox.left, left), bbox.top, right - left, bbox.height)
  }
  ctx.restore()
}
