import { below, type Random } from '../stream/random.ts'

/** A tree in preorder: a node is followed by what its left child begins, then by what its right child begins. */
export interface Tree {
  /** The column a node asks about; LEAF for a leaf. */
  readonly column: Uint16Array
  /** A value goes left when it is <= the cut. For a leaf: the rows that ended there. */
  readonly cut: Float64Array
  /** Expected depth of a random search among as many rows as the tree was grown on: what depths are measured in. */
  readonly depthUnit: number
}

export const LEAF = 0xffff
const LOGARITHMIC_SHARE = 0.5

/**
 * How a column is cut. `wide`: numbers of any size, half the cuts even between the extremes and half even between their
 * logarithms; `even`; `ranks`: between whole numbers.
 */
export type Scale = 'wide' | 'even' | 'ranks'

/** What a tree is grown on: a few hundred rows, and the columns it may ask about. */
export interface TreeRows {
  readonly size: number
  readonly columns: readonly {
    readonly id: number
    readonly values: Float64Array
    readonly scale: Scale
    /** What its chance to be asked is judged by: `values`, or of categories how uncommon each is. */
    readonly weighed: Float64Array
  }[]
}

/**
 * An isolation tree (Liu, Ting, Zhou: Isolation Forest, ICDM 2008). Where the paper chooses a node's column evenly, here
 * the chance is in proportion to log(1 + kurtosis) of its values, so that columns with tails are asked more often (as
 * the isotree library can). The cut is uniform between the extremes, as in the paper.
 */
export function growTree(rows: TreeRows, depthMax: number, random: Random): Tree {
  const column: number[] = []
  const cut: number[] = []
  const members = Uint32Array.from({ length: rows.size }, (_, i) => i)
  const grow = (from: number, to: number, depth: number): void => {
    const chosen =
      depth < depthMax && to - from > 1 ? chooseColumn(rows, members, from, to, random) : undefined
    column.push(chosen === undefined ? LEAF : chosen.id)
    if (chosen === undefined) {
      cut.push(to - from)
      return
    }
    const at = cutBetween(chosen, random)
    cut.push(at)
    const middle = partition(members, from, to, chosen.values, at)
    grow(from, middle, depth + 1)
    grow(middle, to, depth + 1)
  }
  grow(0, rows.size, 0)
  return { column: Uint16Array.from(column), cut: Float64Array.from(cut), depthUnit: searchDepth(rows.size) }
}

/**
 * Average depth of an unsuccessful search in a binary search tree of `size` keys: c(n) of the paper, and 0 below two.
 */
export function searchDepth(size: number): number {
  if (size < 2) return 0
  if (size === 2) return 1
  return 2 * (Math.log(size - 1) + 0.5772156649015329) - (2 * (size - 1)) / size
}

interface Choice {
  readonly id: number
  readonly values: Float64Array
  readonly scale: Scale
  readonly low: number
  readonly high: number
}

function chooseColumn(
  { columns }: TreeRows,
  members: Uint32Array,
  from: number,
  to: number,
  random: Random,
): Choice | undefined {
  const weights = new Float64Array(columns.length)
  let total = 0
  columns.forEach(({ weighed }, i) => {
    const weight = kurtosisWeight(weighed, members, from, to)
    weights[i] = weight
    total += weight
  })
  if (total === 0) return undefined
  let left = random() * total
  let i = 0
  while (left >= (weights[i] as number) && i < columns.length - 1) left -= weights[i++] as number
  while ((weights[i] as number) === 0) i--
  const column = columns[i]
  return column === undefined ? undefined : { ...column, ...extremes(column.values, members, from, to) }
}

/** log(1 + kurtosis), at most log(1 + rows); 0 where all values are the same. */
function kurtosisWeight(values: Float64Array, members: Uint32Array, from: number, to: number): number {
  const first = values[members[from] as number] as number
  let sum = 0
  let varies = false
  for (let i = from; i < to; i++) {
    const value = values[members[i] as number] as number
    sum += value
    if (value !== first) varies = true
  }
  if (!varies) return 0
  const mean = sum / (to - from)
  let second = 0
  let fourth = 0
  for (let i = from; i < to; i++) {
    const square = ((values[members[i] as number] as number) - mean) ** 2
    second += square
    fourth += square * square
  }
  const size = to - from
  const kurtosis = (size * fourth) / (second * second)
  // Of n values it is at most n, but the powers of extreme values may leave the range of numbers.
  return Math.log(1 + (Number.isNaN(kurtosis) ? size : Math.min(kurtosis, size)))
}

function extremes(values: Float64Array, members: Uint32Array, from: number, to: number) {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let i = from; i < to; i++) {
    const value = values[members[i] as number] as number
    if (value < low) low = value
    if (value > high) high = value
  }
  return { low, high }
}

/** At random in [low, high). */
function cutBetween({ low, high, scale }: Choice, random: Random): number {
  if (scale === 'ranks') return low + below(random, high - low)
  const logarithmic = scale === 'wide' && random() < LOGARITHMIC_SHARE
  const cut = logarithmic
    ? fromLog(toLog(low) + random() * (toLog(high) - toLog(low)))
    : low + random() * (high - low)
  // Rounding may have left the range, and the width may have left the range of numbers.
  return cut >= low && cut < high ? cut : low
}

function toLog(x: number): number {
  return Math.sign(x) * Math.log1p(Math.abs(x))
}

function fromLog(x: number): number {
  return Math.sign(x) * Math.expm1(Math.abs(x))
}

/** Moves members with value <= cut to the front of [from, to); where the others begin. */
function partition(
  members: Uint32Array,
  from: number,
  to: number,
  values: Float64Array,
  cut: number,
): number {
  let middle = from
  for (let i = from; i < to; i++) {
    const member = members[i] as number
    if ((values[member] as number) > cut) continue
    members[i] = members[middle] as number
    members[middle++] = member
  }
  return middle
}
