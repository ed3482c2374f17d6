import type { BoardStores } from '../state/boards.ts'
import type { Stream } from '../stream/define.ts'
import type { ViewDefinition } from '../stream/view-definition.ts'
import { compileView, type View } from '../views/view.ts'
import { keysDisplayedAs } from './query/keys.ts'
import { type Horizon, type Layer, readLayers } from './query/layers.ts'
import { retractionsPending } from './query/retracted.ts'
import { AnswerRows, type QueryRow } from './query/rows.ts'
import { boardsSince } from './query/since.ts'
import { slotRange } from './query/slots.ts'

export interface QueryOptions {
  /** As displayed: parts of a key of several fields joined by `|`. */
  readonly key?: string | undefined
  /** Event time in ms, start of a slot or within it; the whole slot counts. */
  readonly from?: number | undefined
  /** Exclusive. */
  readonly to?: number | undefined
  /** One row per key and slot instead of one per key. */
  readonly bySlot?: boolean | undefined
  /** Which layer answers; both together by default. */
  readonly layer?: Layer | undefined
}

export interface QueryAnswer {
  readonly view: string
  readonly rows: readonly QueryRow[]
  /** Records appended before it come from the batch layer; null: there is no batch view yet, all come from the boards. */
  readonly horizon: string | null
  /**
   * Records appended from it on are all in the answer; of those before it some or all are missing, because the view is
   * newer than they are. Null: the answer is complete from the start.
   */
  readonly since: string | null
  /** Retractions and withdrawals that the answer does not show yet: the next recompute takes them in. */
  readonly retractionsPending: number
  readonly asOf: string
}

/** The view named `stream.view`. Throws an Error that lists the views there are. */
export function viewNamed(streams: ReadonlyMap<string, Stream>, id: string): View {
  const dot = id.indexOf('.')
  const [streamName, viewName] = [id.slice(0, dot), id.slice(dot + 1)]
  const definition = ownView(streams.get(streamName), viewName)
  if (definition !== undefined) return compileView(streamName, viewName, definition)
  const all = [...streams.values()].flatMap(({ name, views }) =>
    Object.keys(views).map((view) => `${name}.${view}`),
  )
  throw new Error(`there is no view ${JSON.stringify(id)}; there are: ${all.join(', ')}`)
}

function ownView(stream: Stream | undefined, name: string): ViewDefinition | undefined {
  return stream !== undefined && Object.hasOwn(stream.views, name) ? stream.views[name] : undefined
}

/**
 * Answers from the batch view up to its horizon and from the boards after it; rows in order of key, then of slot. Rejects
 * with a PortError UNAVAILABLE where the boards that it needs are gone (query/layers.ts).
 */
export async function queryView(
  stores: BoardStores,
  view: View,
  options: QueryOptions,
  nowMs: number,
): Promise<QueryAnswer> {
  const { key, bySlot = false, layer = 'merged' } = options
  const keys = key === undefined ? undefined : keysDisplayedAs(key, view.definition.groupBy.length)
  let rows = new AnswerRows(view, bySlot)
  const horizon = await readLayers(
    stores,
    view,
    { layer, keys, slots: slotRange(view, options, nowMs) },
    () => {
      rows = new AnswerRows(view, bySlot)
      return (...given) => rows.add(...given)
    },
  )
  const since = layer === 'batch' ? undefined : await boardsSince(stores.keyed, view, nowMs)
  return {
    view: view.id,
    rows: rows.answer(),
    horizon: iso(horizon?.ms),
    since: iso(missingBefore(since, horizon)),
    retractionsPending: await retractionsPending(stores, view, horizon?.index),
    asOf: new Date(nowMs).toISOString(),
  }
}

/** What the boards lack the batch view has, up to its horizon. */
function missingBefore(since: number | undefined, horizon: Horizon | undefined): number | undefined {
  return since === undefined || since <= (horizon?.ms ?? 0) ? undefined : since
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
