import type { QueryRow } from '../../../lib/serve/dashboard-messages.ts'

/** A view's rows as bars: one column per slot, one series per key, the keys with the highest totals first. */
export interface SlotTable {
  /** Start of each column, ms. Every column is there, also one without rows. */
  readonly startsMs: readonly number[]
  readonly widthMs: number
  readonly series: readonly SlotSeries[]
  readonly total: number
}

/** One key's bars. */
export interface SlotSeries {
  readonly key: string
  readonly label: string
  /** Null: no row in this slot, of an aggregate that cannot be added. */
  readonly values: readonly (number | null)[]
  /** Of all columns; of an aggregate that cannot be added, the newest value. */
  readonly total: number
}

export interface SlotOptions {
  readonly aggregate: string
  /** It may be added over keys and slots: a count or a sum. A mean may not. */
  readonly additive: boolean
  readonly slotMs: number
  /** Range to show, [from, to); undefined: as the rows say. */
  readonly fromMs?: number
  readonly toMs?: number
  readonly columnsMax: number
}

export const OTHERS = ' others'

/** Columns of an aggregate that cannot be added: one a slot, the newest. */
const PLAIN_COLUMNS_MAX = 2_000

/** Rows by key and column; added up where the aggregate allows it, else as they are. */
export function slotTable(rows: readonly QueryRow[], options: SlotOptions): SlotTable {
  const bounds = boundsOf(rows, options)
  if (bounds === undefined) return { startsMs: [], widthMs: options.slotMs, series: [], total: 0 }
  const { fromMs, toMs, widthMs } = bounds
  const columns = Math.ceil((toMs - fromMs) / widthMs)
  const byKey = new Map<string, { label: string; values: (number | null)[]; total: number }>()
  for (const row of rows) {
    const column = Math.floor((timeMs(row.from) - fromMs) / widthMs)
    const value = Number(row[options.aggregate] ?? 0)
    if (column < 0 || column >= columns || !Number.isFinite(value)) continue
    let series = byKey.get(row.key)
    if (series === undefined) {
      const values = new Array<number | null>(columns).fill(options.additive ? 0 : null)
      series = { label: labelOf(row), values, total: 0 }
      byKey.set(row.key, series)
    }
    series.values[column] = options.additive ? (series.values[column] ?? 0) + value : value
    series.total += value
  }
  if (!options.additive)
    for (const series of byKey.values()) series.total = series.values.findLast((value) => value !== null) ?? 0
  const ranked = [...byKey].map(([key, series]) => ({ key, ...series }))
  ranked.sort((a, b) => b.total - a.total || (a.key < b.key ? -1 : 1))
  return {
    startsMs: Array.from({ length: columns }, (_, i) => fromMs + i * widthMs),
    widthMs,
    series: ranked,
    total: ranked.reduce((sum, { total }) => sum + total, 0),
  }
}

/** ms since 1970 of a bound that is given as ms or as ISO text. */
export function timeMs(time: string | number): number {
  return typeof time === 'number' ? time : Date.parse(time)
}

function boundsOf(rows: readonly QueryRow[], options: SlotOptions) {
  const { slotMs, columnsMax, additive } = options
  const starts = rows.map((row) => timeMs(row.from)).filter(Number.isFinite)
  if (starts.length === 0) return undefined
  const last = options.toMs ?? starts.reduce((a, b) => Math.max(a, b)) + slotMs
  const oldest = options.fromMs ?? starts.reduce((a, b) => Math.min(a, b))
  const first = additive ? oldest : Math.max(oldest, last - PLAIN_COLUMNS_MAX * slotMs)
  const perColumn = additive ? niceSlots((last - first) / slotMs / columnsMax) : 1
  const widthMs = slotMs * perColumn
  const fromMs = Math.floor(first / widthMs) * widthMs
  return { fromMs, toMs: Math.max(last, fromMs + widthMs), widthMs }
}

/** Whole slots per column: numbers that divide a day of 5-minute slots where possible, so columns begin on round times. */
function niceSlots(needed: number): number {
  for (const nice of [1, 2, 3, 6, 12, 24, 48, 72, 144]) if (nice >= needed) return nice
  return Math.ceil(needed / 288) * 288
}

function labelOf({ key, fields }: QueryRow): string {
  const values = Object.values(fields ?? {}).map((value) => String(value))
  return values.length > 0 ? values.join(' · ') : key
}

/** The first `top` series as they are and the rest as one, with the key `OTHERS`. */
export function topSeries(ranked: readonly SlotSeries[], top: number): readonly SlotSeries[] {
  if (ranked.length <= top + 1) return ranked
  const rest = ranked.slice(top)
  const values = (rest[0]?.values ?? []).map((_, i) =>
    rest.reduce((sum, series) => sum + (series.values[i] ?? 0), 0),
  )
  const total = rest.reduce((sum, series) => sum + series.total, 0)
  return [...ranked.slice(0, top), { key: OTHERS, label: `${rest.length} others`, values, total }]
}
