import type { Clock } from '../../ports/clock.ts'
import { PortError } from '../../ports/errors.ts'
import type { BoardStores } from '../../state/boards.ts'
import { mapAtOnce } from '../../stream/at-once.ts'
import type { Stream } from '../../stream/define.ts'
import { type HistoryFound, type HistoryKey, type ReadHistory, slotsOfWindow } from '../../stream/history.ts'
import { keysOfFields } from '../../views/keys.ts'
import type { States, View } from '../../views/view.ts'
import { viewNamed } from '../query.ts'
import { HistoryCache } from './history-cache.ts'
import { readLayers } from './layers.ts'
import { slotRange } from './slots.ts'

export interface HistoryOptions {
  /** Lookups kept, with what was found: some hundred bytes each. */
  readonly heldMax?: number
  /** For how long what was found is taken to be so, ms. */
  readonly ageMsMax?: number
}

/** One history of the stream, ready to be looked up. */
interface Lookup {
  readonly view: View
  readonly aggregates: readonly string[]
  /** From the start of a window's first slot to the start of its last, ms. */
  readonly backMs: number
}

/** A key, and the last slot of its window. */
interface Missing {
  /** Of the lookup, in the cache. */
  readonly id: string
  readonly key: string
  readonly slot: number
}

/** Slots that windows cover without a gap, and what is wanted of them. */
interface Stretch {
  readonly from: number
  to: number
  readonly missing: Missing[]
}

type HistoryPorts = BoardStores & { readonly clock: Clock }
type Found = Map<string, HistoryFound | undefined>

const HELD_MAX = 100_000
const AGE_MS_MAX = 5_000
const STRETCHES_AT_ONCE = 4

/**
 * Looks up what a stream's `enrich` asks for, in both layers as any query does; undefined for a stream that asks for
 * nothing. Of one call, each view is read once for all its keys; windows that meet are read as one. What was found is
 * good for some seconds. Throws as `viewNamed` does.
 */
export function historyReader(
  ports: HistoryPorts,
  { history }: Pick<Stream, 'history'>,
  streams: ReadonlyMap<string, Stream>,
  { heldMax = HELD_MAX, ageMsMax = AGE_MS_MAX }: HistoryOptions = {},
): ReadHistory | undefined {
  const lookups = new Map<string, Lookup>()
  for (const [name, { view: id, windowMs, aggregates }] of Object.entries(history)) {
    const view = viewNamed(streams, id)
    const { slotMs } = view.definition
    lookups.set(name, { view, aggregates, backMs: (slotsOfWindow(windowMs, { slotMs }) - 1) * slotMs })
  }
  if (lookups.size === 0) return undefined
  const cache = new HistoryCache(ports.clock, { heldMax, ageMsMax })
  return async (asked, untilMs) => {
    const found: Found = new Map()
    const missing = new Map<Lookup, Map<string, Missing>>()
    const ids = asked.map(({ name, key: parts, atMs }) => {
      const lookup = lookups.get(name)
      if (lookup === undefined) throw new Error(`the stream declares no history ${JSON.stringify(name)}`)
      const key = viewKey(lookup.view, parts)
      const slot = lookup.view.slotOf(Math.max(0, atMs))
      const id = `${name} ${slot} ${key}`
      if (found.has(id)) return id
      const held = cache.get(id)
      if (held !== undefined) found.set(id, held.found)
      else missing.set(lookup, (missing.get(lookup) ?? new Map()).set(id, { id, key, slot }))
      return id
    })
    for (const [lookup, own] of missing)
      for (const [id, one] of await readMissing(ports, lookup, [...own.values()], untilMs)) {
        cache.keep(id, one)
        found.set(id, one)
      }
    return ids.map((id) => found.get(id))
  }
}

/** The key as it stands in the view. */
function viewKey({ id, definition: { groupBy } }: View, key: HistoryKey): string {
  const parts = typeof key === 'object' ? key : [key]
  const [found] = keysOfFields(parts)
  if (found !== undefined && parts.length === groupBy.length) return found
  const message = `view ${id} is grouped by ${groupBy.join(', ')}: a history's key must have a value for each`
  throw new PortError('MISCONFIGURED', message, { curable: false })
}

async function readMissing(
  ports: HistoryPorts,
  lookup: Lookup,
  missing: readonly Missing[],
  untilMs: number,
): Promise<Found> {
  const found: Found = new Map()
  await mapAtOnce(
    stretchesOf(lookup, missing),
    async (stretch) => {
      const rows = await readStretch(ports, lookup.view, stretch, untilMs)
      for (const { id, key, slot } of stretch.missing)
        found.set(id, inWindow(lookup, rows.get(key) ?? [], slot))
    },
    STRETCHES_AT_ONCE,
  )
  return found
}

/** Windows one after the other, those that meet or overlap together. */
function stretchesOf({ view, backMs }: Lookup, missing: readonly Missing[]): readonly Stretch[] {
  const { slotMs } = view.definition
  const stretches: Stretch[] = []
  for (const one of missing.toSorted((a, b) => a.slot - b.slot)) {
    const last = stretches.at(-1)
    const [from, to] = [one.slot - backMs, one.slot + slotMs]
    if (last === undefined || from > last.to) stretches.push({ from, to, missing: [one] })
    else {
      last.to = to
      last.missing.push(one)
    }
  }
  return stretches
}

type SlotStates = readonly [slot: number, states: States]

/** What the view holds of the wanted keys in the stretch; of a slot in as many pieces as it lies. */
async function readStretch(
  { clock, ...stores }: HistoryPorts,
  view: View,
  { from, to, missing }: Stretch,
  untilMs: number,
): Promise<ReadonlyMap<string, readonly SlotStates[]>> {
  const goesOn = () => {
    if (clock.nowMs() >= untilMs) throw new PortError('TIMEOUT', tooSlow(view), { curable: true })
  }
  goesOn()
  let rows = new Map<string, SlotStates[]>()
  const keys = new Set(missing.map(({ key }) => key))
  const slots = slotRange(view, { from, to }, clock.nowMs())
  await readLayers(stores, view, { layer: 'merged', keys, slots, goesOn }, () => {
    rows = new Map()
    return (key, slot, states) => {
      const own = rows.get(key)
      if (own === undefined) rows.set(key, [[slot, states]])
      else own.push([slot, states])
    }
  })
  return rows
}

function tooSlow({ id }: View): string {
  return `view ${id} could not be read in time: its boards are many or large; a recompute makes them fewer`
}

function inWindow(
  { view, aggregates, backMs }: Lookup,
  rows: readonly SlotStates[],
  last: number,
): HistoryFound | undefined {
  const within = rows.flatMap(([slot, states]) => (slot >= last - backMs && slot <= last ? [states] : []))
  if (within.length === 0) return undefined
  const answer = view.answer(within.reduce((a, b) => view.merge(a, b)))
  return Object.fromEntries(aggregates.map((name) => [name, numberOf(answer[name])]))
}

/** Sums beyond 2^53 are decimal text in an answer; a history is a number all the same. */
function numberOf(answer: unknown): number | null {
  return answer === null || answer === undefined ? null : Number(answer)
}
