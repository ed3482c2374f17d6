import type { ForestTrees } from './model.ts'
import { LEAF, searchDepth } from './tree.ts'

/** Rows scored before the next tree is loaded into the cache. */
export const ROWS_AT_ONCE = 256

/**
 * The score at a mean depth in units of the expected one, as it is stored and compared with thresholds everywhere: six
 * decimals, so that the record whose score was made the threshold reaches it.
 */
export function scoreOf(meanDepth: number): number {
  return Math.round(2 ** -meanDepth * 1e6) / 1e6
}

/**
 * Trees laid out for scoring. Each is a complete binary tree of `depth` levels, so that a child's place is computed and
 * not loaded: below a leaf, nodes that always go left lead to its value. A node is one word: column << 16 | operand.
 *
 * 100 trees of depth 10 are 400 kB of nodes and 400 kB of leaves, but tree by tree only 8 kB are in use.
 */
export class CompleteTrees {
  readonly #depth: number
  readonly #trees: number
  readonly #nodes: Uint32Array
  /** Of each leaf place: its depth in units of the tree, divided by the number of trees. */
  readonly #leaves: Float64Array
  /** Of each node: the mean of its leaves, weighted by the signatures in them. */
  readonly #means: Float64Array

  constructor(trees: ForestTrees) {
    this.#depth = trees.depthMax
    this.#trees = trees.depthUnits.length
    const inner = 2 ** this.#depth - 1
    this.#nodes = new Uint32Array(this.#trees * inner).fill(0xffff)
    this.#leaves = new Float64Array(this.#trees * (inner + 1))
    this.#means = new Float64Array(this.#trees * inner)
    const unpacker = new Unpacker(trees, this.#nodes, this.#leaves, this.#means)
    for (let tree = 0; tree < this.#trees; tree++) unpacker.unpack(tree)
  }

  /**
   * Adds up each row's depth over the trees, in units of the trees' expected depth and divided by their number, into
   * `depths`. Rows lie one after the other in `ranks`, `width` each, as `Quantiser` writes them.
   */
  depths(ranks: Uint16Array, width: number, rows: number, depths: Float64Array): void {
    const padded = rows + ((4 - (rows & 3)) & 3)
    depths.fill(0, 0, padded)
    for (let tree = 0; tree < this.#trees; tree++) this.#addTree(tree, ranks, width, padded, depths)
  }

  /** Four rows at a time: their loads overlap, where one row's would wait for each other. */
  #addTree(tree: number, ranks: Uint16Array, width: number, rows: number, depths: Float64Array): void {
    const levels = this.#depth
    const inner = 2 ** levels - 1
    const nodes = this.#nodes.subarray(tree * inner, (tree + 1) * inner)
    const leaves = this.#leaves.subarray(tree * (inner + 1), (tree + 1) * (inner + 1))
    for (let row = 0; row < rows; row += 4) {
      const at0 = row * width
      const at1 = at0 + width
      const at2 = at1 + width
      const at3 = at2 + width
      let i0 = 0
      let i1 = 0
      let i2 = 0
      let i3 = 0
      for (let level = 0; level < levels; level++) {
        const n0 = nodes[i0] as number
        const n1 = nodes[i1] as number
        const n2 = nodes[i2] as number
        const n3 = nodes[i3] as number
        i0 = 2 * i0 + 1 + (((n0 & 0xffff) - (ranks[at0 + (n0 >>> 16)] as number)) >>> 31)
        i1 = 2 * i1 + 1 + (((n1 & 0xffff) - (ranks[at1 + (n1 >>> 16)] as number)) >>> 31)
        i2 = 2 * i2 + 1 + (((n2 & 0xffff) - (ranks[at2 + (n2 >>> 16)] as number)) >>> 31)
        i3 = 2 * i3 + 1 + (((n3 & 0xffff) - (ranks[at3 + (n3 >>> 16)] as number)) >>> 31)
      }
      depths[row] = (depths[row] as number) + (leaves[i0 - inner] as number)
      depths[row + 1] = (depths[row + 1] as number) + (leaves[i1 - inner] as number)
      depths[row + 2] = (depths[row + 2] as number) + (leaves[i2 - inner] as number)
      depths[row + 3] = (depths[row + 3] as number) + (leaves[i3 - inner] as number)
    }
  }

  /**
   * What each column's answers took from the expected depth of one row, summed over the trees: at every node on its path, the mean
   * depth below the node less the mean depth below the child taken (Saabas' decomposition). Positive: stranger.
   * The sum over all columns is the mean depth of training rows less the depth of this one.
   */
  shortenings(ranks: Uint16Array, width: number): Float64Array {
    const inner = 2 ** this.#depth - 1
    const taken = new Float64Array(width)
    for (let tree = 0; tree < this.#trees; tree++) {
      const base = tree * inner
      let i = 0
      while (i < inner) {
        const node = this.#nodes[base + i] as number
        const column = node >>> 16
        const before = this.#means[base + i] as number
        i = 2 * i + 1 + ((ranks[column] as number) > (node & 0xffff) ? 1 : 0)
        const after =
          i < inner ? (this.#means[base + i] as number) : (this.#leaves[base + tree + i - inner] as number)
        taken[column] = (taken[column] as number) + before - after
      }
    }
    return taken
  }
}

/** Writes preorder trees into complete ones. */
class Unpacker {
  readonly #trees: ForestTrees
  readonly #nodes: Uint32Array
  readonly #leaves: Float64Array
  readonly #means: Float64Array
  #at = 0

  constructor(trees: ForestTrees, nodes: Uint32Array, leaves: Float64Array, means: Float64Array) {
    this.#trees = trees
    this.#nodes = nodes
    this.#leaves = leaves
    this.#means = means
  }

  unpack(tree: number): void {
    this.#place(tree, 0, 0)
  }

  /** Places the next node of the preorder at place `i` of the tree. */
  #place(tree: number, i: number, depth: number): { readonly mean: number; readonly size: number } {
    const column = this.#trees.column[this.#at] as number
    const operand = this.#trees.operand[this.#at++] as number
    if (column === LEAF) return this.#placeLeaf(tree, i, depth, operand)
    const node = tree * this.#inner + i
    this.#nodes[node] = column * 0x10000 + operand
    const left = this.#place(tree, 2 * i + 1, depth + 1)
    const right = this.#place(tree, 2 * i + 2, depth + 1)
    const size = left.size + right.size
    const mean = (left.mean * left.size + right.mean * right.size) / size
    this.#means[node] = mean
    return { mean, size }
  }

  #placeLeaf(tree: number, i: number, depth: number, size: number) {
    const unit = (this.#trees.depthUnits[tree] || 1) * this.#trees.depthUnits.length
    const mean = (depth + searchDepth(size)) / unit
    const base = tree * this.#inner
    for (; i < this.#inner; i = 2 * i + 1) this.#means[base + i] = mean
    this.#leaves[base + tree + i - this.#inner] = mean
    return { mean, size }
  }

  get #inner(): number {
    return 2 ** this.#trees.depthMax - 1
  }
}
