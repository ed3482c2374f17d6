import { decimal, share } from '../format.ts'
import type { Bar, BarTable, PairTable } from '../state/bars.ts'

/** Few keys stand as columns beside each other; many lie as rows. */
const COLUMNS_MAX = 12
const UNORDERED_COLUMNS_MAX = 3

interface BarsProps {
  readonly table: BarTable
  /** What is drawn, for those who do not see it: `Orders by age band`. */
  readonly label: string
}

/** Bars with their values and shares written out. */
export function Bars({ table, label }: BarsProps) {
  const { bars, others, ordinal, decimals } = table
  const all = others === undefined ? bars : [...bars, others]
  // What is left over is no bar among the others: it would be the longest of them.
  const largest = Math.max(...bars.map(({ value }) => value), 0)
  const columns = all.length <= (ordinal ? COLUMNS_MAX : UNORDERED_COLUMNS_MAX)
  return (
    <ul class={`bars ${columns ? 'columns' : ''}`} aria-label={label}>
      {all.map((bar) => (
        <li class={`bar ${bar === others ? 'rest' : ''}`} key={bar.key} data-key={bar.key}>
          <span class="bar-label" title={bar.key === '' ? undefined : `${bar.label} (${bar.key})`}>
            {bar.label}
          </span>
          <span class="bar-track" aria-hidden="true">
            {bar !== others && <i style={`--size:${sizeOf(bar.value, largest)}`} />}
          </span>
          <Figures bar={bar} decimals={decimals} />
        </li>
      ))}
    </ul>
  )
}

function Figures({ bar, decimals }: { readonly bar: Bar; readonly decimals: number }) {
  return (
    <span class="bar-figures">
      <b>{decimal(bar.value, decimals)}</b>
      {bar.share !== undefined && <span>{share(bar.share)}</span>}
    </span>
  )
}

/** Bars of one field in parts of another, with the parts' colours named above. */
export function PairBars({ table, label }: { readonly table: PairTable; readonly label: string }) {
  const { bars, parts, decimals, total } = table
  const largest = Math.max(...bars.flatMap((bar) => bar.parts), 0)
  return (
    <>
      <ul class="bar-keys" aria-hidden="true">
        {parts.map((part, i) => (
          <li key={part}>
            <span class="swatch" style={`background:var(--series-${i + 1})`} />
            {part}
          </li>
        ))}
      </ul>
      <ul class="bars columns" aria-label={label}>
        {bars.map((bar) => (
          <li class="bar" key={bar.key} data-key={bar.key}>
            <span class="bar-label">{bar.label}</span>
            <span class="bar-track parted" aria-hidden="true">
              {bar.parts.map((value, i) => (
                <i key={parts[i]} style={`--size:${sizeOf(value, largest)};--part:var(--series-${i + 1})`} />
              ))}
            </span>
            <span class="bar-figures parts">
              {bar.parts.map((value, i) => (
                <span key={parts[i]} data-part={parts[i]} title={parts[i]}>
                  <i class="swatch" style={`background:var(--series-${i + 1})`} />
                  <span class="unseen">{parts[i]} </span>
                  {decimals === 0 ? decimal(value, 0) : decimal(Math.round(value), 0)}
                </span>
              ))}
              {total > 0 && <span class="unseen">, {share(bar.value / total)} of all</span>}
            </span>
          </li>
        ))}
      </ul>
    </>
  )
}

function sizeOf(value: number, largest: number): string {
  return largest <= 0 ? '0%' : `${Math.max(0, Math.min(100, (value / largest) * 100)).toFixed(2)}%`
}
