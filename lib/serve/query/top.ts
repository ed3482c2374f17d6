import type { BoardStores } from '../../state/boards.ts'
import type { View } from '../../views/view.ts'
import { type QueryAnswer, queryView } from '../query.ts'
import { readLayers } from './layers.ts'
import { slotRange } from './slots.ts'

export interface TopOptions {
  /** Length of the window, ms: as many whole slots as it takes. */
  readonly windowMs: number
  /** Where it ends: with the slot that holds the moment before, ms. */
  readonly atMs: number
  readonly k: number
  /** Name of the aggregate that ranks; undefined: the view's first. */
  readonly by?: string | undefined
}

export interface TopAnswer extends QueryAnswer {
  /** The slots of the window, ISO 8601. */
  readonly window: { readonly from: string; readonly to: string }
  readonly by: string
  /** Keys there are in the window. */
  readonly keys: number
}

/** The aggregates of a view that rank keys, the first one first: those that answer with one number. */
export function rankingAggregates({ definition }: View): readonly string[] {
  const entries = Object.entries(definition.aggregates)
  return entries.filter(([, { kind }]) => !NOT_ONE_NUMBER.has(kind)).map(([name]) => name)
}

const NOT_ONE_NUMBER: ReadonlySet<string> = new Set(['top', 'quantile', 'histogram'])

/**
 * The keys with the most in a window of event time, both layers together; equals in order of key. Throws a RangeError
 * for an aggregate that does not rank.
 */
export async function topKeys(
  stores: BoardStores,
  view: View,
  { windowMs, atMs, k, by: asked }: TopOptions,
  nowMs: number,
): Promise<TopAnswer> {
  const by = rankingAggregate(view, asked)
  const { from, to } = windowOf(view, windowMs, atMs)
  const answer = await queryView(stores, view, { from, to }, nowMs)
  const ranked = [...answer.rows].sort((a, b) => rank(b[by]) - rank(a[by]))
  return {
    ...answer,
    rows: ranked.slice(0, k),
    window: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    by,
    keys: ranked.length,
  }
}

/** The start of the newest slot that holds anything, ms of event time; undefined where the view is empty. Reads all of it. */
export async function newestSlot(
  stores: BoardStores,
  view: View,
  nowMs: number,
): Promise<number | undefined> {
  let newest: number | undefined
  const wanted = { layer: 'merged', keys: undefined, slots: slotRange(view, {}, nowMs) } as const
  await readLayers(stores, view, wanted, () => {
    newest = undefined
    return (_, slot) => {
      newest = Math.max(slot, newest ?? slot)
    }
  })
  return newest
}

function rankingAggregate(view: View, asked: string | undefined): string {
  const names = rankingAggregates(view)
  const by = asked ?? names[0]
  if (by !== undefined && names.includes(by)) return by
  throw new RangeError(
    `view ${view.id} ranks by ${names.join(', ') || 'nothing'}, not by ${asked ?? 'default'}`,
  )
}

/** The last so many slots, that of the moment before `atMs` the last of them. */
function windowOf(view: View, windowMs: number, atMs: number): { from: number; to: number } {
  const { slotMs } = view.definition
  const to = view.slotOf(Math.max(0, atMs - 1)) + slotMs
  return { from: Math.max(0, to - Math.ceil(windowMs / slotMs) * slotMs), to }
}

/** An answer is a number, decimal text where a number could not hold it exactly, or null for no value. */
function rank(answer: unknown): number {
  return answer === null || answer === undefined ? Number.NEGATIVE_INFINITY : Number(answer)
}
