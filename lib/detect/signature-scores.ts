import { CompleteTrees, ROWS_AT_ONCE, scoreOf } from './complete-trees.ts'
import type { CategoryOrders, ForestTrees } from './model.ts'
import { cutsBelow } from './quantise.ts'
import type { TrainingTable } from './training-table.ts'

/** The score of every signature of the table: the same as a record with its values gets. */
export function signatureScores(
  table: TrainingTable,
  orders: CategoryOrders,
  trees: ForestTrees,
): Float64Array {
  const forest = new CompleteTrees(trees)
  const width = table.numbers.length + table.codes.length * orders.count
  const ranks = new Uint16Array(ROWS_AT_ONCE * width)
  const depths = new Float64Array(ROWS_AT_ONCE)
  const scores = new Float64Array(table.size)
  for (let from = 0; from < table.size; from += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, table.size - from)
    for (let i = 0; i < rows; i++) writeRanks(table, orders, trees, from + i, ranks, i * width)
    forest.depths(ranks, width, rows, depths)
    for (let i = 0; i < rows; i++) scores[from + i] = scoreOf(depths[i] as number)
  }
  return scores
}

function writeRanks(
  table: TrainingTable,
  orders: CategoryOrders,
  { cuts }: ForestTrees,
  row: number,
  ranks: Uint16Array,
  at: number,
): void {
  table.numbers.forEach((values, i) => {
    ranks[at++] = cutsBelow(cuts[i] as Float64Array, values[row] as number)
  })
  table.codes.forEach((codes, i) => {
    const from = (codes[row] as number) * orders.count
    const ranked = orders.ranks[i] as Uint16Array
    for (let order = 0; order < orders.count; order++) ranks[at++] = ranked[from + order] as number
  })
}
