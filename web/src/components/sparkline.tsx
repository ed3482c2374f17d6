import { useMemo } from 'preact/hooks'
import type { StageName } from '../../../lib/serve/dashboard-messages.ts'
import { type Sample, shownMs } from '../state/history.ts'

const WIDTH = 240
const HEIGHT = 34

/** Records per second of one stage over the last minutes, on its own scale, from 0. */
export function Sparkline({
  samples,
  stage,
}: {
  readonly samples: readonly Sample[]
  readonly stage: StageName
}) {
  const { line, area } = useMemo(() => paths(samples, stage), [samples, stage])
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--line)" />
      <path d={area} fill="var(--water-soft)" />
      <path
        d={line}
        fill="none"
        stroke="var(--water-line)"
        stroke-width="1.6"
        vector-effect="non-scaling-stroke"
        stroke-linejoin="round"
      />
    </svg>
  )
}

function paths(samples: readonly Sample[], stage: StageName): { line: string; area: string } {
  const latest = samples.at(-1)?.atMs ?? 0
  const spanMs = shownMs(samples)
  const most = samples.reduce((max, { rates }) => Math.max(max, rates[stage] ?? 0), 1)
  const points = samples.map(({ atMs, rates }) => {
    const x = WIDTH * (1 - (latest - atMs) / spanMs)
    const y = HEIGHT - 1 - ((rates[stage] ?? 0) / most) * (HEIGHT - 4)
    return { x: x.toFixed(1), y: y.toFixed(1) }
  })
  const line = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  const first = points[0]
  return { line, area: first === undefined ? '' : `${line}V${HEIGHT}H${first.x}Z` }
}
