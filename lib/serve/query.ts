import type { KeyedStore } from '../ports/keyed-store.ts'
import { type BoardStores, readBoards, type StoredBoard } from '../state/boards.ts'
import { readAllProgress } from '../state/progress.ts'
import { coverage, readSinces, sinceId } from '../state/view-since.ts'
import type { Stream } from '../stream/define.ts'
import { topicName } from '../stream/topic.ts'
import type { ViewDefinition } from '../stream/view-definition.ts'
import { displayKey, keyPart } from '../views/key.ts'
import { compileView, type States, type View } from '../views/view.ts'

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
  readonly layer?: 'merged' | 'speed' | 'batch' | undefined
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
  readonly asOf: string
}

export interface QueryRow {
  readonly key: string
  readonly fields: Readonly<Record<string, string>>
  /** Bounds of the slots in the row, ISO 8601. */
  readonly from: string
  readonly to: string
  readonly [aggregate: string]: unknown
}

interface Accumulated {
  readonly key: string
  states: States
  from: number
  to: number
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

/** The boards that answer: all of them while no batch view has been published. */
async function* boardsOf(
  stores: BoardStores,
  view: View,
  options: QueryOptions,
): AsyncGenerator<StoredBoard> {
  if (options.layer !== 'batch') yield* readBoards(stores, view, options)
}

/** Answers from the speed boards, rows in order of key, then of slot. */
export async function queryView(
  stores: BoardStores,
  view: View,
  options: QueryOptions,
  nowMs: number,
): Promise<QueryAnswer> {
  const rows = new Map<string, Accumulated>()
  const wanted = options.key?.split('|').map(keyPart).join('|')
  const { slotMs } = view.definition
  const from = options.from === undefined ? undefined : view.slotOf(options.from)
  for await (const { slot, board } of boardsOf(stores, view, { ...options, from })) {
    for (const [key, states] of board.keys) {
      if (wanted !== undefined && ![wanted, options.key].includes(displayKey(key))) continue
      const id = options.bySlot === true ? `${key} ${slot}` : key
      const row = rows.get(id)
      if (row === undefined) {
        rows.set(id, { key, states, from: slot, to: slot + slotMs })
      } else {
        row.states = view.merge(row.states, states)
        row.from = Math.min(row.from, slot)
        row.to = Math.max(row.to, slot + slotMs)
      }
    }
  }
  const ordered = [...rows.values()].sort((a, b) =>
    a.key < b.key ? -1 : a.key > b.key ? 1 : a.from - b.from,
  )
  return {
    view: view.id,
    rows: ordered.map(({ key, states, ...bounds }) => ({
      key: displayKey(key),
      fields: view.fieldsOf(key),
      from: new Date(bounds.from).toISOString(),
      to: new Date(bounds.to).toISOString(),
      ...view.answer(states),
    })),
    horizon: null,
    since: iso(options.layer === 'batch' ? undefined : await sinceOf(stores.keyed, view, nowMs)),
    asOf: new Date(nowMs).toISOString(),
  }
}

/**
 * From which append time on the boards hold every record of every partition, ms; undefined: from the start. Now, where
 * there are records that `count` has passed and has not applied the view to since.
 */
async function sinceOf(keyed: KeyedStore, view: View, nowMs: number): Promise<number | undefined> {
  const [stream = ''] = view.id.split('.')
  const topic = topicName(stream, 'raw')
  const counted = await readAllProgress(keyed, 'count', topicName(stream, 'enriched'))
  const declared = await readSinces(keyed, view)
  const current = [...counted].map(([partition, progress]) => {
    const {
      from,
      mixed,
      sinceMs = nowMs,
    } = coverage(view, progress, declared.get(sinceId({ topic, partition })))
    return from > 0 || mixed ? sinceMs : 0
  })
  // Of topics of other generations, whose progress stands still.
  const others = [...declared].flatMap(([id, { from, sinceMs = nowMs }]) =>
    from > 0 && !id.startsWith(`${topic}/`) ? [sinceMs] : [],
  )
  const latest = Math.max(0, ...current, ...others)
  return latest === 0 ? undefined : latest
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
