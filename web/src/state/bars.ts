import type { QueryRow } from '../../../lib/serve/dashboard-messages.ts'

/** One key of a view. */
export interface Bar {
  readonly key: string
  readonly label: string
  readonly value: number
  /** Of the whole, 0 to 1; undefined for what does not add up. */
  readonly share: number | undefined
}

export interface BarTable {
  /** In the keys' own order where they have one, else the largest first. */
  readonly bars: readonly Bar[]
  /** Keys beyond the first, as one. */
  readonly others: Bar | undefined
  /** Keys there are. */
  readonly keys: number
  readonly total: number
  /** The keys have an order of their own: 10-14, 15-17, 50+. */
  readonly ordinal: boolean
  /** Decimal places of the values. */
  readonly decimals: number
}

export interface BarOptions {
  readonly aggregate: string
  /** It adds up over keys, so that a key has a share. */
  readonly additive: boolean
  readonly top: number
  readonly labelOf?: (row: QueryRow) => string | undefined
}

/** A view's rows, one a key, as bars. */
export function barTable(rows: readonly QueryRow[], options: BarOptions): BarTable {
  const { aggregate, additive, top, labelOf } = options
  const decimals = rows.reduce((most, row) => Math.max(most, decimalsOf(row[aggregate])), 0)
  const values = rows.flatMap((row) => {
    const value = Number(row[aggregate] ?? Number.NaN)
    return Number.isFinite(value) ? [{ key: row.key, label: labelOf?.(row) ?? labelOfRow(row), value }] : []
  })
  const total = rounded(values, decimals)
  const ordinal = values.length > 1 && values.every(({ key }) => /^\d+(-\d+|\+)?$/.test(key))
  values.sort((a, b) =>
    ordinal
      ? Number.parseInt(a.key, 10) - Number.parseInt(b.key, 10)
      : b.value - a.value || compare(a.key, b.key),
  )
  const shareOf = (value: number) => (additive && total > 0 ? value / total : undefined)
  // One key more takes no more room than the line that says "1 other".
  const shown = values.length <= top + 1 ? values : values.slice(0, top)
  const rest = values.slice(shown.length)
  const restValue = rounded(rest, decimals)
  return {
    bars: shown.map((bar) => ({ ...bar, share: shareOf(bar.value) })),
    others:
      rest.length === 0 || !additive
        ? undefined
        : {
            key: '',
            label: `${rest.length.toLocaleString('en-US')} others`,
            value: restValue,
            share: shareOf(restValue),
          },
    keys: values.length,
    total,
    ordinal,
    decimals,
  }
}

/** Rows of a view of two fields: bars of the first field, each in parts of the second. */
export interface PairTable {
  readonly parts: readonly string[]
  readonly bars: readonly (Bar & { readonly parts: readonly number[] })[]
  readonly total: number
  readonly decimals: number
}

const PARTS_MAX = 4
const PAIR_BARS_MAX = 12

/** Undefined where the second field has too many values to tell apart. */
export function pairTable(rows: readonly QueryRow[], aggregate: string): PairTable | undefined {
  const [first = '', second = ''] = Object.keys(rows[0]?.fields ?? {})
  if (second === '') return undefined
  const byFirst = new Map<string, Map<string, number>>()
  const seconds = new Map<string, number>()
  for (const row of rows) {
    const [a, b] = [String(row.fields[first]), String(row.fields[second])]
    const value = Number(row[aggregate] ?? 0)
    byFirst.set(a, (byFirst.get(a) ?? new Map<string, number>()).set(b, value))
    seconds.set(b, (seconds.get(b) ?? 0) + value)
  }
  if (seconds.size > PARTS_MAX || byFirst.size > PAIR_BARS_MAX) return undefined
  const parts = [...seconds].sort(([a, x], [b, y]) => y - x || compare(a, b)).map(([part]) => part)
  const sums = [...byFirst].map(([key, of]) => {
    const values = parts.map((part) => of.get(part) ?? 0)
    const value = values.reduce((sum, x) => sum + x, 0)
    return { key, fields: { [first]: key }, from: 0, to: 0, [aggregate]: value, values }
  })
  const table = barTable(sums, { aggregate, additive: true, top: PAIR_BARS_MAX })
  const valuesOf = new Map(sums.map(({ key, values }) => [key, values]))
  return {
    parts,
    bars: table.bars.map((bar) => ({ ...bar, parts: valuesOf.get(bar.key) ?? [] })),
    total: table.total,
    decimals: rows.reduce((most, row) => Math.max(most, decimalsOf(row[aggregate])), 0),
  }
}

/** Sums of decimals as an answer has them: exact to their last place. */
function rounded(values: readonly { readonly value: number }[], decimals: number): number {
  const scale = 10 ** decimals
  return Math.round(values.reduce((sum, { value }) => sum + value, 0) * scale) / scale
}

function decimalsOf(value: unknown): number {
  return /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0
}

function labelOfRow({ key, fields }: QueryRow): string {
  const values = Object.values(fields).map(String)
  return values.length > 0 ? values.join(' · ') : key
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
