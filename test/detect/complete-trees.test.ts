import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CompleteTrees, ROWS_AT_ONCE } from '../../lib/detect/complete-trees.ts'
import { packTrees } from '../../lib/detect/grow.ts'
import type { ForestTrees } from '../../lib/detect/model.ts'
import { cutsBelow } from '../../lib/detect/quantise.ts'
import { growTree, LEAF, searchDepth, type Tree } from '../../lib/detect/tree.ts'
import { below, seededRandom } from '../../lib/stream/random.ts'

const COLUMNS = 5
const DEPTH_MAX = 6

function randomRows(count: number, seed: number): number[][] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => Array.from({ length: COLUMNS }, () => below(random, 1000) / 10))
}

function randomTrees(count: number, seed: number): Tree[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, t) => {
    const rows = randomRows(8 + t * 3, seed + t)
    const columns = Array.from({ length: COLUMNS }, (_, id) => {
      const values = Float64Array.from(rows, (row) => row[id] as number)
      return { id, values, scale: 'even' as const, weighed: values }
    })
    return growTree({ size: rows.length, columns }, DEPTH_MAX, random)
  })
}

/** The paper's definition, on raw values, node by node. */
function depthOf(tree: Tree, row: readonly number[]): number {
  const walk = (at: number, depth: number): { end: number; depth: number | undefined } => {
    const cut = tree.cut[at] as number
    const column = tree.column[at] as number
    if (column === LEAF) return { end: at + 1, depth: depth + searchDepth(cut) }
    const left = walk(at + 1, depth + 1)
    const right = walk(left.end, depth + 1)
    return { end: right.end, depth: (row[column] as number) <= cut ? left.depth : right.depth }
  }
  return (walk(0, 0).depth as number) / tree.depthUnit
}

function ranksOf(trees: ForestTrees, rows: readonly (readonly number[])[]): Uint16Array {
  const ranks = new Uint16Array(ROWS_AT_ONCE * COLUMNS)
  rows.forEach((row, i) => {
    row.forEach((value, c) => {
      ranks[i * COLUMNS + c] = cutsBelow(trees.cuts[c] as Float64Array, value)
    })
  })
  return ranks
}

describe('CompleteTrees', () => {
  it('gives the depths of the trees it was made from, for any number of rows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(9999),
        (count, many, seed) => {
          const trees = randomTrees(many, seed)
          const packed = packTrees(trees, COLUMNS, DEPTH_MAX)
          const rows = randomRows(count, seed + 77)
          const depths = new Float64Array(ROWS_AT_ONCE)
          new CompleteTrees(packed).depths(ranksOf(packed, rows), COLUMNS, count, depths)
          rows.forEach((row, i) => {
            const mean = trees.reduce((sum, tree) => sum + depthOf(tree, row), 0) / many
            expect(depths[i]).toBeCloseTo(mean, 10)
          })
        },
      ),
    )
  })

  it('accounts for all of what a row is shallower than the mean', () => {
    fc.assert(
      fc.property(fc.nat(9999), (seed) => {
        const packed = packTrees(randomTrees(5, seed), COLUMNS, DEPTH_MAX)
        const trees = new CompleteTrees(packed)
        const ranks = ranksOf(packed, randomRows(2, seed + 5))
        const depths = new Float64Array(ROWS_AT_ONCE)
        trees.depths(ranks, COLUMNS, 2, depths)
        const shortened = [0, 1].map((row) =>
          trees.shortenings(ranks.subarray(row * COLUMNS), COLUMNS).reduce((sum, taken) => sum + taken, 0),
        )
        // Both rows start from the same mean depth, so depth + shortening is the same for both.
        expect((depths[0] as number) + (shortened[0] as number)).toBeCloseTo(
          (depths[1] as number) + (shortened[1] as number),
          10,
        )
      }),
    )
  })
})
