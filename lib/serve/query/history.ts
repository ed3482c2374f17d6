import { EnrichError, type Stream } from '../../stream/define.ts'
import { type HistoryFound, type HistoryKey, type ReadHistory, slotsOfWindow } from '../../stream/history.ts'
import { keysOfFields } from '../../views/keys.ts'
import type { States, View } from '../../views/view.ts'
import { viewNamed } from '../query.ts'
import { HistoryCache } from './history-cache.ts'
import { type HistoryPorts, HistoryWindows, type WantedWindow } from './history-windows.ts'

export interface HistoryOptions {
  /** Lookups kept, with what was found: some hundred bytes each. */
  readonly heldMax?: number
  /** States kept of boards, for each history: some hundred bytes each. */
  readonly statesMax?: number
  /** For how long what was read is taken to be so, ms. */
  readonly ageMsMax?: number
}

/** One history of the stream, ready to be looked up. */
interface Lookup {
  readonly view: View
  readonly aggregates: readonly string[]
  readonly windows: HistoryWindows
}

const HELD_MAX = 100_000
const STATES_MAX = 500_000
const AGE_MS_MAX = 5_000

/**
 * Looks up what a stream's `enrich` asks for, in both layers as any query does; undefined for a stream that asks for
 * nothing. Of one call, each view is read once for all its keys; windows that meet are read as one. What was read is good
 * for some seconds. Throws as `viewNamed` does.
 */
export function historyReader(
  ports: HistoryPorts,
  { history }: Pick<Stream, 'history'>,
  streams: ReadonlyMap<string, Stream>,
  { heldMax = HELD_MAX, statesMax = STATES_MAX, ageMsMax = AGE_MS_MAX }: HistoryOptions = {},
): ReadHistory | undefined {
  const lookups = new Map<string, Lookup>()
  for (const [name, { view: id, windowMs, aggregates }] of Object.entries(history)) {
    const view = viewNamed(streams, id)
    const { slotMs } = view.definition
    const backMs = (slotsOfWindow(windowMs, { slotMs }) - 1) * slotMs
    const windows = new HistoryWindows(ports, view, { aggregates, backMs, ageMsMax, statesMax })
    lookups.set(name, { view, aggregates, windows })
  }
  if (lookups.size === 0) return undefined
  const cache = new HistoryCache(ports.clock, { heldMax, ageMsMax })
  return async (asked, untilMs) => {
    const found = new Map<string, HistoryFound | EnrichError | undefined>()
    const missing = new Map<Lookup, Map<string, WantedWindow>>()
    const ids = asked.map(({ name, key: parts, atMs }) => {
      const lookup = lookups.get(name)
      if (lookup === undefined) throw new Error(`the stream declares no history ${JSON.stringify(name)}`)
      const key = viewKey(lookup.view, parts)
      if (key === undefined) {
        const id = `${name} refused`
        found.set(id, refusal(name, lookup.view))
        return id
      }
      const slot = lookup.view.slotOf(Math.max(0, atMs))
      const id = `${name} ${slot} ${key}`
      if (found.has(id)) return id
      const held = cache.get(id)
      if (held !== undefined) found.set(id, held.found)
      else missing.set(lookup, (missing.get(lookup) ?? new Map()).set(id, { id, key, slot }))
      return id
    })
    for (const [lookup, wanted] of missing)
      for (const [id, { states, readMs }] of await lookup.windows.read([...wanted.values()], untilMs)) {
        const one = states && answerOf(lookup, states)
        cache.keep(id, one, readMs)
        found.set(id, one)
      }
    return ids.map((id) => found.get(id))
  }
}

/** The key as it stands in the view; undefined for one that cannot stand there. */
function viewKey({ definition: { groupBy } }: View, key: HistoryKey): string | undefined {
  const parts: readonly unknown[] = Array.isArray(key) ? key : [key]
  return parts.length === groupBy.length ? keysOfFields(parts)[0] : undefined
}

/** It quotes nothing of the key, which is the record's. */
function refusal(name: string, { id, definition: { groupBy } }: View): EnrichError {
  return new EnrichError(
    `the key of history ${name} must have a value for each field that view ${id} is grouped by: ${groupBy.join(', ')}`,
  )
}

/** Sums beyond 2^53 are decimal text in an answer; a history has numbers all the same. */
function answerOf({ windows, aggregates }: Lookup, states: States): HistoryFound {
  const answer = windows.answer(states)
  return Object.fromEntries(
    aggregates.map((name) => [name, answer[name] === null ? null : Number(answer[name])]),
  )
}
