import type { Alert } from '../../../lib/serve/dashboard-messages.ts'
import { count, duration, fullTime, slotTime } from '../format.ts'

export interface FlowOptions {
  /** Field of a record whose values `pasts` is by: the rule that fired. */
  readonly field: string
  /** How often the like came in each hour of the last day, by value. */
  readonly pasts: ReadonlyMap<string, readonly number[]>
}

export function pastOf({ record }: Alert, { field, pasts }: FlowOptions): readonly number[] | undefined {
  return pasts.get(String(record[field]))
}

/** What the columns are; to those who do not see them each cell says so itself. */
export function FlowHead() {
  return (
    <div class="flow-head" aria-hidden="true">
      <span>Severity</span>
      <span>What</span>
      <span>From, to</span>
      <span>Past day</span>
      <span>Alerts, first seen</span>
    </div>
  )
}

/** From where to where, how often the like came in the last day, and when this one was seen. */
export function FlowCells({
  alert,
  past,
}: {
  readonly alert: Alert
  readonly past: readonly number[] | undefined
}) {
  const { record, firstSeenMs, lastSeenMs } = alert
  const from = host(record.source_ip, record.source_place)
  const to = host(record.destination_ip, record.destination_place)
  return (
    <>
      <span class="flow">
        {from === undefined && to === undefined ? (
          <span class="tone-quiet">no one pair of hosts</span>
        ) : (
          <>
            <Host host={from} />
            <span class="flow-to">
              <span class="unseen">to</span>
              <span aria-hidden="true">→</span>
            </span>
            <Host host={to} />
          </>
        )}
      </span>
      <span class="past">{past !== undefined && <PastBars past={past} />}</span>
      <time title={`First seen ${fullTime(firstSeenMs)}, last seen ${fullTime(lastSeenMs)}`}>
        {slotTime(firstSeenMs, Date.now())}
        {lastSeenMs - firstSeenMs >= 60_000 && `, ${lengthOf(lastSeenMs - firstSeenMs)}`}
      </time>
    </>
  )
}

/** 2 min, 9 h 46 min, 3 d 2 h. */
function lengthOf(ms: number): string {
  return duration(Math.floor(ms / 60_000) * 60_000).replace(/ 0 s$/, '')
}

interface Host {
  readonly address: string
  readonly place: 'local' | 'external' | undefined
}

function host(address: unknown, place: unknown): Host | undefined {
  if (typeof address !== 'string' || address === '') return undefined
  return { address, place: place === 'local' || place === 'external' ? place : undefined }
}

function Host({ host: shown }: { readonly host: Host | undefined }) {
  if (shown === undefined) return <span class="tone-quiet">many</span>
  const { address, place } = shown
  return (
    <span class="host">
      <span class="mono">{address}</span>
      {place !== undefined && <em class={`place ${place}`}>{place}</em>}
    </span>
  )
}

const WIDTH = 96
const HEIGHT = 22

/** A bar for each hour, the highest as high as there is room. */
function PastBars({ past }: { readonly past: readonly number[] }) {
  const most = Math.max(1, ...past)
  const step = WIDTH / past.length
  const total = past.reduce((sum, value) => sum + value, 0)
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`${count(total)} of this kind in 24 hours`}
    >
      <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--line-strong)" />
      {past.map((value, i) => {
        const height = value === 0 ? 0 : Math.max(2, (value / most) * (HEIGHT - 2))
        return (
          <rect
            key={i}
            x={(i * step).toFixed(1)}
            y={(HEIGHT - 1 - height).toFixed(1)}
            width={(step - 1).toFixed(1)}
            height={height.toFixed(1)}
            fill="var(--water-line)"
          />
        )
      })}
    </svg>
  )
}
