import { namesOf } from './features.ts'
import type { ForestModel, Usual } from './model.ts'
import type { TrainingTable } from './training-table.ts'

const TAIL = 0.05
const CATEGORIES_SHOWN = 32

/** What is usual in each field: over the signatures at the given rows, each counted once. */
export function usualOf(
  table: TrainingTable,
  features: ForestModel['features'],
  rows: readonly number[],
): readonly Usual[] {
  const numbers = table.numbers.map((values) =>
    rangeOf(Float64Array.from(rows, (row) => values[row] as number)),
  )
  const categories = table.codes.map((codes, i) => topOf(codes, table.categories[i] ?? [], rows))
  const usual = [...numbers, ...categories]
  if (usual.length !== namesOf(features).length) throw new Error('the table does not fit its fields')
  return usual
}

/** From the 5 % to the 95 % quantile. */
function rangeOf(values: Float64Array): Usual {
  values.sort()
  const at = (quantile: number) => values[Math.round(quantile * (values.length - 1))] ?? 0
  return { low: at(TAIL), typical: at(0.5), high: at(1 - TAIL) }
}

function topOf(codes: Uint16Array, names: readonly (string | null)[], rows: readonly number[]): Usual {
  const counts = new Float64Array(names.length)
  for (const row of rows) counts[codes[row] as number] = (counts[codes[row] as number] ?? 0) + 1
  const top = [...names.entries()]
    .map(([code, name]): readonly [string, number] => [
      name ?? '(missing)',
      Math.round(((counts[code] ?? 0) / Math.max(1, rows.length)) * 1e4) / 1e4,
    ])
    .filter(([, share]) => share > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, CATEGORIES_SHOWN)
  return { top }
}
