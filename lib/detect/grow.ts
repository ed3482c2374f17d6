import { below, type Random, shuffleFront } from '../stream/random.ts'
import type { CategoryOrders, ForestTrees } from './model.ts'
import { drawDistinct, type TrainingTable } from './training-table.ts'
import { growTree, LEAF, type Tree, type TreeRows } from './tree.ts'

export interface GrowSettings {
  readonly trees: number
  /** Signatures a tree is grown on, at most. */
  readonly sampleSize: number
  /** Fields a tree may ask about; chosen at random for each tree. */
  readonly fieldsPerTree: number
  readonly depthMax: number
  /** Orders of each categorical field. */
  readonly orders: number
}

/** The most different cuts a column may have: ranks are u16. */
const CUTS_MAX = 0xffff

export function randomOrders(table: TrainingTable, count: number, random: Random): CategoryOrders {
  const ranks = table.categories.map(({ length }) => {
    const ranked = new Uint16Array(length * count)
    for (let order = 0; order < count; order++) {
      const shuffled = Uint16Array.from({ length }, (_, i) => i)
      shuffleFront(shuffled, length, random)
      shuffled.forEach((category, rank) => {
        ranked[category * count + order] = rank
      })
    }
    return ranked
  })
  return { count, ranks }
}

/** Grows the trees, each on its own fields and on signatures that differ in them. */
export function growForest(
  table: TrainingTable,
  orders: CategoryOrders,
  settings: GrowSettings,
  random: Random,
): ForestTrees {
  const grown: Tree[] = []
  const fields = table.coarse.length
  for (let t = 0; t < settings.trees; t++) {
    const chosen = Uint32Array.from({ length: fields }, (_, i) => i)
    const take = Math.min(settings.fieldsPerTree, fields)
    shuffleFront(chosen, take, random)
    const mine = [...chosen.subarray(0, take)]
    const rows = drawDistinct(table, mine, settings.sampleSize, random)
    grown.push(growTree(treeRows(table, orders, mine, rows, random), settings.depthMax, random))
  }
  return packTrees(grown, table.numbers.length, settings.depthMax)
}

function treeRows(
  table: TrainingTable,
  orders: CategoryOrders,
  fields: readonly number[],
  rows: Uint32Array,
  random: Random,
): TreeRows {
  const numbers = table.numbers.length
  const columns = fields.map((field) => {
    if (field < numbers) {
      const from = table.numbers[field] as Float64Array
      const values = Float64Array.from(rows, (row) => from[row] as number)
      return { id: field, values, scale: table.scales[field] ?? 'even', weighed: values }
    }
    const order = below(random, orders.count)
    const codes = table.codes[field - numbers] as Uint16Array
    const ranks = orders.ranks[field - numbers] as Uint16Array
    const values = Float64Array.from(
      rows,
      (row) => ranks[(codes[row] as number) * orders.count + order] as number,
    )
    const weighed = Float64Array.from(rows, (row) => codes[row] as number)
    return {
      id: numbers + (field - numbers) * orders.count + order,
      values,
      scale: 'ranks' as const,
      weighed,
    }
  })
  return { size: rows.length, columns }
}

/** Replaces every cut of a number by its rank among the cuts of its column. */
export function packTrees(trees: readonly Tree[], numbers: number, depthMax: number): ForestTrees {
  const cuts = cutsByColumn(trees, numbers)
  const rankOf = cuts.map((sorted) => new Map([...sorted].map((cut, rank) => [cut, rank])))
  const nodes = trees.reduce((sum, tree) => sum + tree.column.length, 0)
  const column = new Uint16Array(nodes)
  const operand = new Uint16Array(nodes)
  let at = 0
  for (const tree of trees)
    for (let i = 0; i < tree.column.length; i++, at++) {
      const id = tree.column[i] as number
      const cut = tree.cut[i] as number
      column[at] = id
      operand[at] = id < numbers ? (rankOf[id]?.get(cut) ?? 0) : cut
    }
  const depthUnits = Float64Array.from(trees, ({ depthUnit }) => depthUnit)
  return { depthMax, depthUnits, column, operand, cuts }
}

function cutsByColumn(trees: readonly Tree[], numbers: number): readonly Float64Array[] {
  const sets = Array.from({ length: numbers }, () => new Set<number>())
  for (const { column, cut } of trees)
    column.forEach((id, i) => {
      if (id !== LEAF && id < numbers) sets[id]?.add(cut[i] as number)
    })
  return sets.map((set, i) => {
    if (set.size > CUTS_MAX)
      throw new RangeError(
        `number ${i} has ${set.size} cuts, more than ${CUTS_MAX}: set fewer trees or a smaller sampleSize`,
      )
    return Float64Array.from(set).sort()
  })
}
