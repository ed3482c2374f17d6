import { foldTag } from '../../../lib/formats/hashtags.ts'
import type { QueryAnswer } from '../../../lib/serve/dashboard-messages.ts'
import { timeMs } from './slots.ts'

/** Lines over the same slots: a number for each slot, 0 where there was nothing. */
export interface SeriesTable {
  readonly startsMs: readonly number[]
  readonly slotMs: number
  readonly lines: readonly SeriesLine[]
}

export interface SeriesLine {
  readonly key: string
  readonly values: readonly number[]
  readonly total: number
  readonly peak: number
}

/** `answers`: of each key by slot. Keys without an answer yet have no line. */
export function seriesTable(
  keys: readonly string[],
  answers: ReadonlyMap<string, QueryAnswer>,
  bounds: { readonly fromMs: number; readonly toMs: number; readonly slotMs: number },
): SeriesTable {
  const { fromMs, toMs, slotMs } = bounds
  const slots = Math.max(0, Math.round((toMs - fromMs) / slotMs))
  const lines = keys.flatMap((key): SeriesLine[] => {
    const answer = answers.get(key)
    if (answer === undefined) return []
    const values = new Array<number>(slots).fill(0)
    for (const { from, count } of answer.rows) {
      const slot = Math.floor((timeMs(from) - fromMs) / slotMs)
      if (slot >= 0 && slot < slots) values[slot] = (values[slot] ?? 0) + Number(count ?? 0)
    }
    const total = values.reduce((sum, value) => sum + value, 0)
    return [{ key, values, total, peak: values.reduce((most, value) => Math.max(most, value), 0) }]
  })
  return { startsMs: Array.from({ length: slots }, (_, i) => fromMs + i * slotMs), slotMs, lines }
}

/** A key as the views have it, from what people type: `#Köln ` is `köln`, `#Straße` is `strasse`. */
export function keyOf(text: string): string {
  return foldTag(text.trim().normalize('NFKC').replace(/^#+/, ''))
}
