import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { growTree, LEAF, searchDepth, type Tree } from '../../lib/detect/tree.ts'
import { seededRandom } from '../../lib/stream/random.ts'

const numbers = fc.double({ noNaN: true, noDefaultInfinity: true })
const rows = fc.array(fc.tuple(numbers, fc.integer({ min: 0, max: 9 })), { minLength: 2, maxLength: 60 })

function grown(values: readonly (readonly [number, number])[], depthMax: number, seed: number): Tree {
  const wide = Float64Array.from(values, ([x]) => x)
  const ranks = Float64Array.from(values, ([, x]) => x)
  const columns = [
    { id: 3, values: wide, scale: 'wide' as const, weighed: wide },
    { id: 7, values: ranks, scale: 'ranks' as const, weighed: ranks },
  ]
  return growTree({ size: values.length, columns }, depthMax, seededRandom(seed))
}

/** Follows a row down and returns where it ends in the preorder. */
function leafOf(tree: Tree, row: readonly [number, number]): number {
  let at = 0
  while (tree.column[at] !== LEAF) {
    const value = tree.column[at] === 3 ? row[0] : row[1]
    at = value <= (tree.cut[at] as number) ? at + 1 : skip(tree, at + 1)
  }
  return at
}

function skip(tree: Tree, at: number): number {
  return tree.column[at] === LEAF ? at + 1 : skip(tree, skip(tree, at + 1))
}

describe('growTree', () => {
  it('splits every node into two parts and counts the rows at each leaf', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 8 }), fc.nat(1000), (values, depthMax, seed) => {
        const tree = grown(values, depthMax, seed)
        const ended = new Map<number, number>()
        for (const row of values) {
          const leaf = leafOf(tree, row)
          ended.set(leaf, (ended.get(leaf) ?? 0) + 1)
        }
        const leaves = [...tree.column.keys()].filter((at) => tree.column[at] === LEAF)
        for (const leaf of leaves) expect(tree.cut[leaf]).toBe(ended.get(leaf))
        expect(skip(tree, 0)).toBe(tree.column.length)
      }),
    )
  })

  it('is a single leaf where all rows are the same', () => {
    expect([
      ...grown(
        [
          [5, 1],
          [5, 1],
          [5, 1],
        ],
        4,
        1,
      ).column,
    ]).toEqual([LEAF])
  })

  it('cuts numbers whose squares and widths leave the range of numbers', () => {
    const tree = grown(
      [
        [-1.7e308, 0],
        [1.7e308, 0],
        [0, 0],
      ],
      4,
      1,
    )
    expect(tree.column[0]).toBe(3)
    expect(Number.isFinite(tree.cut[0])).toBe(true)
  })
})

describe('searchDepth', () => {
  // c(n) of Liu, Ting, Zhou: Isolation Forest, equation 1, worked out apart; 5 and 999 are also in scikit-learn's tests.
  it.each([
    [0, 0],
    [1, 0],
    [2, 1],
    [5, 2.327020052],
    [256, 10.24477092],
    [999, 12.967939884],
  ])('of %d rows is %d', (size, depth) => {
    expect(searchDepth(size)).toBeCloseTo(depth, 6)
  })
})
