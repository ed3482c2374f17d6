import type { EnrichError } from './define.ts'
import type { AggregateDefinition, ViewDefinition } from './view-definition.ts'
import { fieldsOfView } from './view-definition.ts'

/**
 * What a record may ask of the past while it is enriched: aggregates that a view holds of a key.
 *
 * The window is of event time, the record's own, never of now: so a replay of old records asks for their past too. Its
 * slots are whole, as those of `weir top` are: as many as `windowMs` takes, the one that holds the record's time the
 * last, as far as `count` has got with it. An entry that counts never finds its own record there: what is counted lies in
 * the enriched log already, and a decision about the same record that comes later is ignored by every reader.
 */
export interface HistoryDefinition<V> {
  /** `stream.view`, of this stream or of another. */
  readonly view: string
  /** Values of the view's groupBy fields, in their order; undefined: this record asks for nothing. Pure. */
  readonly key: (value: V) => HistoryKey | undefined
  readonly windowMs: number
  /** By name, those of the view that are wanted: of kinds that answer with one number. */
  readonly aggregates: readonly string[]
}

export type HistoryKey = KeyPart | readonly KeyPart[]
type KeyPart = string | number | boolean

export type HistoryDefinitions<V> = Readonly<Record<string, HistoryDefinition<V>>>

/**
 * What `add` is given, by the names of the declaration. Undefined: nothing of the key is in the window, or none was asked
 * for. An aggregate is null where none of the key's records has its field.
 */
export type HistoryOf<H> = {
  readonly [K in keyof H]: H[K] extends { readonly aggregates: readonly (infer A extends string)[] }
    ? { readonly [N in A]: number | null } | undefined
    : never
}

/** The same with the author's types erased. */
export type History = Readonly<Record<string, HistoryFound | undefined>>
export type HistoryFound = Readonly<Record<string, number | null>>

export const NO_HISTORY: History = {}

/** One lookup: what the stream's history of that name holds of a key, for a record of that time. */
export interface HistoryAsked {
  readonly name: string
  readonly key: HistoryKey
  readonly atMs: number
}

/**
 * Looks things up, answers in their order: an EnrichError for a key that the view cannot have, which is the trouble of
 * that record alone. Rejects where a view cannot be read, and with a PortError TIMEOUT where that is not done by `untilMs`,
 * of the clock of its maker.
 */
export type ReadHistory = (
  asked: readonly HistoryAsked[],
  untilMs: number,
) => Promise<readonly (HistoryFound | EnrichError | undefined)[]>

/** A lookup reads whole slots: more of them than this are a view of the wrong slot length. */
const SLOTS_MAX = 1_000
const DAY_MS = 86_400_000
const MANY_VALUES: readonly AggregateDefinition['kind'][] = ['top', 'quantile', 'histogram']

/** What of a stream decides about its histories. */
export interface WithHistory {
  readonly name: string
  readonly views: Readonly<Record<string, ViewDefinition>>
  readonly history: HistoryDefinitions<never>
  /** Fields that `enrich` adds. */
  readonly enrichedFields: ReadonlySet<string>
}

/** How many slots of the view a window takes. */
export function slotsOfWindow(windowMs: number, { slotMs }: Pick<ViewDefinition, 'slotMs'>): number {
  return Math.ceil(windowMs / slotMs)
}

/**
 * Checks what streams look up in each other's views. Throws an Error that names the stream, the history and what is wrong:
 * a view or an aggregate that there is not, a window that is none, and feedback. A view feeds back when it counts by, or
 * adds up, what an enrichment made of the view itself, directly or through other streams: what it then says depends on how
 * far the counting was behind at each record, and errors keep themselves alive. It is refused.
 */
export function checkHistories(streams: ReadonlyMap<string, WithHistory>): void {
  for (const stream of streams.values())
    for (const [name, one] of Object.entries(stream.history)) checkHistory(streams, stream, name, one)
  for (const stream of streams.values()) checkFeedback(streams, stream)
}

function checkHistory(
  streams: ReadonlyMap<string, WithHistory>,
  stream: WithHistory,
  name: string,
  { view, windowMs, aggregates }: HistoryDefinition<never>,
): void {
  const fail = (what: string): never => {
    throw new Error(`stream ${stream.name}, history ${name}: ${what}`)
  }
  const definition = viewOf(streams, view) ?? fail(`there is no view ${JSON.stringify(view)}`)
  if (!(Number.isSafeInteger(windowMs) && windowMs > 0))
    fail(`windowMs must be a whole number of ms, got ${windowMs}`)
  const slots = slotsOfWindow(windowMs, definition)
  if (slots > SLOTS_MAX)
    fail(`a window of ${slots} slots; at most ${SLOTS_MAX}: take a view with longer slots`)
  const { retentionDays } = definition
  if (retentionDays !== undefined && windowMs > retentionDays * DAY_MS)
    fail(`a window of ${windowMs / DAY_MS} days; ${view} keeps ${retentionDays} (retentionDays)`)
  if (aggregates.length === 0) fail('aggregates names none')
  for (const aggregate of aggregates) {
    const kind = Object.hasOwn(definition.aggregates, aggregate)
      ? definition.aggregates[aggregate]?.kind
      : undefined
    if (kind === undefined)
      fail(`${view} has no aggregate ${aggregate}; it has ${Object.keys(definition.aggregates).join(', ')}`)
    else if (MANY_VALUES.includes(kind)) fail(`${aggregate} is a ${kind}, which is not one number`)
  }
}

function checkFeedback(streams: ReadonlyMap<string, WithHistory>, start: WithHistory): void {
  const seen = new Set<string>()
  const follow = (at: WithHistory, path: readonly string[]): void => {
    for (const view of derivedViews(streams, at)) {
      const to = view.slice(0, view.indexOf('.'))
      const next = [...path, view]
      if (to === start.name)
        throw new Error(
          `stream ${start.name}: its history feeds back, through ${next.join(', then ')}: a view that is looked up here must not read what this lookup makes`,
        )
      const stream = streams.get(to)
      if (stream === undefined || seen.has(to)) continue
      seen.add(to)
      follow(stream, next)
    }
  }
  follow(start, [])
}

/** The views a stream looks up that depend on what an enrichment added: by a field, or by what a score made of it. */
function derivedViews(
  streams: ReadonlyMap<string, WithHistory>,
  { history }: WithHistory,
): readonly string[] {
  return Object.values(history).flatMap(({ view }) => {
    const definition = viewOf(streams, view)
    const fields = streams.get(view.slice(0, view.indexOf('.')))?.enrichedFields
    if (definition === undefined || fields === undefined) return []
    const derived =
      fieldsOfView(definition).some((field) => fields.has(field)) || readsOwn(definition, '@severity')
    return derived ? [view] : []
  })
}

function readsOwn({ where = [], groupBy, aggregates }: ViewDefinition, own: string): boolean {
  const shares = Object.values(aggregates).flatMap((one) => (one.kind === 'share' ? one.where : []))
  return groupBy.includes(own) || [...where, ...shares].some(({ field }) => field === own)
}

function viewOf(streams: ReadonlyMap<string, WithHistory>, id: string): ViewDefinition | undefined {
  const dot = id.indexOf('.')
  const views = streams.get(id.slice(0, dot))?.views
  const name = id.slice(dot + 1)
  return views !== undefined && Object.hasOwn(views, name) ? views[name] : undefined
}
