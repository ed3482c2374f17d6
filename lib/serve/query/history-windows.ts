import type { Clock } from '../../ports/clock.ts'
import { PortError } from '../../ports/errors.ts'
import { readBatchRows } from '../../state/batch-rows.ts'
import type { BoardStores } from '../../state/boards.ts'
import { mapAtOnce } from '../../stream/at-once.ts'
import { compileView, type States, type View } from '../../views/view.ts'
import { type Horizon, readLayers, type Take } from './layers.ts'
import type { SlotRange } from './slots.ts'

export type HistoryPorts = BoardStores & { readonly clock: Clock }

/** A key, and the last slot of its window. */
export interface WantedWindow {
  readonly id: string
  readonly key: string
  readonly slot: number
}

/** What a window holds: undefined for nothing. */
export interface FoundWindow {
  readonly states: States | undefined
  readonly readMs: number
}

export interface WindowOptions {
  /** Names of the view's aggregates that are wanted: the states of others, which may be large, are not held. */
  readonly aggregates: readonly string[]
  /** From the start of a window's first slot to the start of its last, ms. */
  readonly backMs: number
  /** For how long boards that were read are taken to be so, ms. */
  readonly ageMsMax: number
  /** States that are held of boards, one of each key and slot, larger ones weighed as several; and as many of a batch view. */
  readonly statesMax: number
}

/** Starts of slots in [from, to), ms. */
interface Range {
  readonly from: number
  readonly to: number
}

interface Stretch extends Range {
  readonly wanted: readonly WantedWindow[]
}

/** The states of each slot by key, a slot's merged. */
type Rows = Map<string, Map<number, States>>

/** All that boards held in a range, and the batch view that they went on from. */
interface HeldBoards extends Range {
  readonly rows: Rows
  readonly horizon: Horizon | undefined
  readonly readMs: number
}

/** Of one batch view and range, what it has of each key that was asked for. */
interface BatchRows {
  readonly id: string
  /** About how many are held. */
  states: number
  readonly rows: Map<string, readonly (readonly [slot: number, states: States])[]>
}

const STRETCHES_AT_ONCE = 4
/** What one state of a few numbers takes, about. */
const STATE_BYTES = 200
/** After boards were too many to hold, for so long they are read for the wanted keys alone. */
const NOT_HELD_MS = 60_000

/**
 * Windows of one view for some keys at a time. A board can only be read whole, so where questions come one soon after the
 * other the boards of the range are read once for all keys and held for some seconds, as far as there is room; what is
 * asked now and then is read for the keys it names. Batch views are read by key either way.
 */
export class HistoryWindows {
  readonly #ports: HistoryPorts
  readonly #view: View
  /** Of the wanted aggregates alone, in the view's order: what is held are its states. */
  readonly #narrow: View
  /** Where the wanted aggregates stand among the view's. */
  readonly #places: readonly number[]
  readonly #options: WindowOptions
  #last: (Range & { readonly readMs: number }) | undefined
  #held: HeldBoards | undefined
  #batch: BatchRows = { id: '', states: 0, rows: new Map() }
  #notHeldUntilMs = Number.NEGATIVE_INFINITY

  constructor(ports: HistoryPorts, view: View, options: WindowOptions) {
    this.#ports = ports
    this.#view = view
    this.#narrow = narrowView(view, options.aggregates)
    this.#places = this.#narrow.aggregates.map((name) => view.aggregates.indexOf(name))
    this.#options = options
  }

  /** Answers by name for states that were found. */
  answer(states: States): ReturnType<View['answer']> {
    return this.#narrow.answer(states)
  }

  #wantedOf(states: States): States {
    return this.#places.map((place) => states[place])
  }

  /** By id. Rejects with a PortError TIMEOUT where that is not done by `untilMs`, and as `readLayers` does. */
  async read(wanted: readonly WantedWindow[], untilMs: number): Promise<ReadonlyMap<string, FoundWindow>> {
    const found = new Map<string, FoundWindow>()
    const goesOn = () => {
      if (this.#ports.clock.nowMs() >= untilMs) throw tooSlow(this.#view)
    }
    const { backMs } = this.#options
    await mapAtOnce(
      stretchesOf(wanted, backMs, this.#view.definition.slotMs),
      async (stretch) => {
        goesOn()
        const { rows, readMs } = await this.#rows(stretch, goesOn)
        for (const { id, key, slot } of stretch.wanted)
          found.set(id, { states: this.#inWindow(rows.get(key), slot), readMs })
      },
      STRETCHES_AT_ONCE,
    )
    return found
  }

  #inWindow(slots: ReadonlyMap<number, States> | undefined, last: number): States | undefined {
    let all: States | undefined
    for (const [slot, states] of slots ?? [])
      if (slot <= last && slot >= last - this.#options.backMs)
        all = all === undefined ? states : this.#narrow.merge(all, states)
    return all
  }

  async #rows(stretch: Stretch, goesOn: () => void): Promise<{ rows: Rows; readMs: number }> {
    const held = this.#heldFor(stretch) ?? (await this.#hold(stretch, goesOn))
    return held === undefined ? this.#readKeys(stretch, goesOn) : this.#addBatch(held, stretch, goesOn)
  }

  #heldFor({ from, to }: Range): HeldBoards | undefined {
    const held = this.#held
    if (held === undefined || !this.#isFresh(held)) return undefined
    return held.from <= from && to <= held.to ? held : undefined
  }

  /** A clock that stepped back must not keep anything for ever. */
  #isFresh({ readMs }: { readonly readMs: number }): boolean {
    return Math.abs(this.#ports.clock.nowMs() - readMs) < this.#options.ageMsMax
  }

  async #readKeys(stretch: Stretch, goesOn: () => void): Promise<{ rows: Rows; readMs: number }> {
    const { from, to, wanted } = stretch
    const readMs = this.#ports.clock.nowMs()
    const keys = new Set(wanted.map(({ key }) => key))
    let rows: Rows = new Map()
    const slots = slotsIn({ from, to })
    await readLayers(this.#ports, this.#view, { layer: 'merged', keys, slots, goesOn }, () => {
      rows = new Map()
      return this.#narrowed(this.#taking(rows))
    })
    this.#last = { from, to, readMs }
    return { rows, readMs }
  }

  #taking(rows: Rows): Take {
    return (key, slot, states) => {
      const own = rows.get(key) ?? new Map<number, States>()
      const before = own.get(slot)
      rows.set(key, own.set(slot, before === undefined ? states : this.#narrow.merge(before, states)))
    }
  }

  #narrowed(take: Take): Take {
    return (key, slot, states) => take(key, slot, this.#wantedOf(states))
  }

  /** Reads all that is on the boards where the same was asked a moment ago; undefined where it is not to be held. */
  async #hold(stretch: Range, goesOn: () => void): Promise<HeldBoards | undefined> {
    const readMs = this.#ports.clock.nowMs()
    const range = this.#rangeToHold(stretch)
    if (range === undefined || Math.abs(readMs - this.#notHeldUntilMs) < NOT_HELD_MS) return undefined
    let rows: Rows = new Map()
    const wanted = {
      layer: 'speed',
      keys: undefined,
      slots: slotsIn(range),
      goesOn,
    } as const
    try {
      const horizon = await readLayers(this.#ports, this.#view, wanted, () => {
        rows = new Map()
        return this.#narrowed(this.#counted(this.#taking(rows)))
      })
      this.#held = { ...range, rows, horizon, readMs }
      return this.#held
    } catch (error) {
      // Too many, or too slow: read for fewer keys it may do.
      this.#notHeldUntilMs = readMs
      this.#held = undefined
      if (error instanceof TooMany) return undefined
      throw error
    }
  }

  #rangeToHold({ from, to }: Range): Range | undefined {
    const last = this.#last
    if (last === undefined || !this.#isFresh(last) || last.to < from || to < last.from) return undefined
    const range = { from: Math.min(from, last.from), to: Math.max(to, last.to) }
    const windowMs = this.#options.backMs + this.#view.definition.slotMs
    return range.to - range.from <= 2 * windowMs ? range : undefined
  }

  #counted(take: Take): Take {
    let states = 0
    return (key, slot, given) => {
      states += weightOf(given)
      if (states > this.#options.statesMax) throw new TooMany()
      take(key, slot, given)
    }
  }

  /** What is held, and what the batch view has of the wanted keys. */
  async #addBatch(
    held: HeldBoards,
    { from, to, wanted }: Stretch,
    goesOn: () => void,
  ): Promise<{ rows: Rows; readMs: number }> {
    const { horizon, readMs } = held
    this.#last = { from, to, readMs: this.#ports.clock.nowMs() }
    if (horizon === undefined) return { rows: held.rows, readMs }
    const rows: Rows = new Map()
    const take = this.#taking(rows)
    await mapAtOnce([...new Set(wanted.map(({ key }) => key))], async (key) => {
      goesOn()
      for (const [slot, states] of await this.#batchRows(held, horizon, key)) take(key, slot, states)
      for (const [slot, states] of held.rows.get(key) ?? []) take(key, slot, states)
    })
    return { rows, readMs }
  }

  /** What the batch view has of a key in all of the range that is held. A batch view never changes, so it stays known. */
  async #batchRows(
    { from, to }: HeldBoards,
    horizon: Horizon,
    key: string,
  ): Promise<readonly (readonly [slot: number, states: States])[]> {
    const slots = slotsIn({ from, to })
    const id = `${horizon.index} ${slots.from} ${slots.to}`
    if (this.#batch.id !== id || this.#batch.states > this.#options.statesMax)
      this.#batch = { id, states: 0, rows: new Map() }
    const known = this.#batch
    const found = known.rows.get(key)
    if (found !== undefined) return found
    const rows: (readonly [number, States])[] = []
    for await (const row of readBatchRows(this.#ports.objects, this.#view, horizon, { key, ...slots }))
      rows.push([row.slot, this.#wantedOf(row.states)])
    known.rows.set(key, rows)
    known.states += rows.reduce((sum, [, states]) => sum + weightOf(states), 1)
    return rows
  }
}

/**
 * Also those that ended longer ago than the view's retention: a query leaves them out by the clock, but a replay of old
 * records asks for their past, which the view has as long as no recompute left it out.
 */
function slotsIn({ from, to }: Range): SlotRange {
  return { from: Math.max(0, from), to }
}

class TooMany extends Error {
  override readonly name = 'TooMany'
}

function tooSlow({ id }: View): PortError {
  const message = `view ${id} could not be read in time: its boards are many or large; a recompute makes them fewer`
  return new PortError('TIMEOUT', message, { curable: true })
}

/** As how many states it counts: those of a few numbers as one, one of distinct values may have some kilobytes. */
function weightOf(states: States): number {
  let bytes = 0
  for (const state of states)
    for (const part of Object.values(state ?? {})) if (ArrayBuffer.isView(part)) bytes += part.byteLength
  return 1 + Math.floor(bytes / STATE_BYTES)
}

function narrowView({ id, definition }: View, wanted: readonly string[]): View {
  const aggregates = Object.entries(definition.aggregates).filter(([name]) => wanted.includes(name))
  const [stream = '', name = ''] = id.split('.')
  return compileView(stream, name, { ...definition, aggregates: Object.fromEntries(aggregates) })
}

/** Windows one after the other, those that meet or overlap together. */
function stretchesOf(wanted: readonly WantedWindow[], backMs: number, slotMs: number): readonly Stretch[] {
  const stretches: { from: number; to: number; wanted: WantedWindow[] }[] = []
  for (const one of wanted.toSorted((a, b) => a.slot - b.slot)) {
    const last = stretches.at(-1)
    const [from, to] = [one.slot - backMs, one.slot + slotMs]
    if (last === undefined || from > last.to) stretches.push({ from, to, wanted: [one] })
    else {
      last.to = to
      last.wanted.push(one)
    }
  }
  return stretches
}
