import type { Features } from './features.ts'

/** A grown forest with all that scoring needs. `model-bytes.ts` writes and reads it. */
export interface ForestModel {
  readonly features: Features
  /** By categorical field: the categories training saw, most common first; null is missing. At least one each. */
  readonly categories: readonly (readonly (string | null)[])[]
  /** Orders in which categories are ranked, so that a cut in one of them splits the categories into two random sets. */
  readonly orders: CategoryOrders
  /** By number field: what stands in for a missing one. */
  readonly medians: readonly number[]
  readonly trees: ForestTrees
  readonly threshold: number
  /** Scores from which severity is medium, high, critical: ascending, not below the threshold. */
  readonly bands: readonly [number, number, number]
  /** What is usual in each field, numbers first, for people. */
  readonly usual: readonly Usual[]
}

export interface CategoryOrders {
  /** Orders of each categorical field. */
  readonly count: number
  /** By categorical field: rank of category c in order o at [c * count + o]. */
  readonly ranks: readonly Uint16Array[]
}

/**
 * The trees, all in preorder, one after the other. Column ids: number fields first, then for each categorical field its
 * orders.
 */
export interface ForestTrees {
  readonly depthMax: number
  /** Of each tree: what its depths are divided by. */
  readonly depthUnits: Float64Array
  /** Column of a node, LEAF for a leaf. */
  readonly column: Uint16Array
  /**
   * Of a node that asks about a number: index of its cut in `cuts` of that column. About a category: the highest rank that goes
   * left. Of a leaf: the signatures that ended there.
   */
  readonly operand: Uint16Array
  /** By number field: all cuts of all trees, ascending, each once. */
  readonly cuts: readonly Float64Array[]
}

export type Usual =
  /** The range most usual signatures lie in, and their median. */
  | { readonly low: number; readonly typical: number; readonly high: number }
  /** The commonest categories with their share of the usual signatures, largest first. */
  | { readonly top: readonly (readonly [category: string, share: number])[] }

export function columnCount({ features, orders }: Pick<ForestModel, 'features' | 'orders'>): number {
  return features.numeric.length + features.rates.length + features.categorical.length * orders.count
}

/** Position in `namesOf(features)` of the field a column belongs to. */
export function fieldOfColumn(model: Pick<ForestModel, 'features' | 'orders'>, column: number): number {
  const numbers = model.features.numeric.length + model.features.rates.length
  return column < numbers ? column : numbers + Math.floor((column - numbers) / model.orders.count)
}
