import type { Ports } from '../ports/ports.ts'
import { AlertLog } from '../state/alert-log.ts'
import type { BoardHead } from '../state/board-body.ts'
import { type BoardKey, type BoardOptions, BoardStore } from '../state/boards.ts'
import { settleEpochMs } from '../state/epoch-length.ts'
import { moveProgress, type Progress, readProgress } from '../state/progress.ts'
import { declareSince, versionName } from '../state/view-since.ts'
import type { Stream } from '../stream/define.ts'
import { type Entry, readEntry } from '../stream/entry.ts'
import { epochOf } from '../stream/epoch.ts'
import type { Numbered } from '../views/board.ts'
import { compileView, type View } from '../views/view.ts'
import type { EntryStage, SeenBatch } from './entry-consumer.ts'
import { Patterns, type WrittenBoard } from './patterns.ts'

const STAGE = 'count'
const WRITES_AT_ONCE = 16

/** The entries of one batch that belong on one board. */
interface BoardDelta {
  readonly view: View
  readonly key: BoardKey
  readonly entries: Numbered[]
}

/**
 * Keeps the speed views. Boards are written first, each under its own mark, then what they show of the stream's patterns is
 * raised, then the progress is moved: a crash in between leaves boards that are ahead of the progress, and the entries come
 * again and fall below their marks. `log`: the stream's, as this process knows it, where patterns raise their alerts.
 */
export function countStage(
  stream: Stream,
  ports: Ports,
  options: BoardOptions = {},
  log: AlertLog = new AlertLog(stream.name, ports),
): EntryStage<{ readonly progress: Progress }> {
  const views = Object.entries(stream.views).map(([name, view]) => compileView(stream.name, name, view))
  const names = views.map(versionName)
  const boards = new BoardStore(ports, options)
  const patterns =
    Object.keys(stream.patterns).length === 0
      ? undefined
      : new Patterns(stream, ports, views, log, options.warmKeysMax)
  let settled = false
  return {
    name: STAGE,
    load: async (topic, partition) => {
      if (!settled) await settleEpochMs(ports.keyed, ports.epochMs)
      settled = true
      return { progress: await readProgress(ports.keyed, STAGE, topic, partition) }
    },
    apply: async (batch, loaded) => {
      const floors = await declareNew(ports, views, batch, loaded.progress)
      const { deltas, eventTimeMs } = deltasOf(floors, batch, ports.epochMs)
      const patternBatch = patterns?.begin(batch, loaded.progress)
      const written = await write(boards, deltas)
      await patternBatch?.judge(written)
      const at = { stage: STAGE, topic: batch.topic, partition: batch.partition }
      // Without a record taken in, a view that is new has not been declared yet, and the progress must not claim it.
      const applied = batch.entries.length > 0 ? names : loaded.progress.views
      const newest = newestOf(loaded.progress, eventTimeMs, ports.clock.nowMs())
      const after = { ...batch.progress, ...(applied && { views: applied }), ...(newest && { newest }) }
      if (!(await moveProgress(ports.keyed, at, loaded.progress, after))) return 'moved'
      patternBatch?.done(after)
      return 'done'
    },
  }
}

async function write(boards: BoardStore, deltas: readonly BoardDelta[]): Promise<readonly WrittenBoard[]> {
  const written: WrittenBoard[] = []
  for (let i = 0; i < deltas.length; i += WRITES_AT_ONCE) {
    const some = deltas.slice(i, i + WRITES_AT_ONCE)
    const heads = await Promise.all(some.map(({ view, key, entries }) => boards.apply(view, key, entries)))
    for (const [n, delta] of some.entries()) written.push({ ...delta, head: heads[n] as BoardHead })
  }
  return written
}

function newestOf({ newest }: Progress, eventTimeMs: number | undefined, atMs: number) {
  if (eventTimeMs === undefined) return newest
  return { eventTimeMs: Math.max(newest?.eventTimeMs ?? 0, eventTimeMs), atMs }
}

/**
 * The views, each with the raw offset from which on it is to be applied. One that the progress was not moved with is new,
 * or comes back, and everything below the batch has gone by without it: that is declared before its first board.
 */
async function declareNew(
  { keyed }: Pick<Ports, 'keyed'>,
  views: readonly View[],
  { entries: [first] }: SeenBatch,
  progress: Progress,
): Promise<ReadonlyMap<View, number>> {
  const from = progress.highestOrigin + 1
  const known = new Set(progress.views)
  // Progress that names no views is of a release that declared none: boards may be there all the same.
  const mixed = from > 0 && progress.views === undefined
  const floors = new Map<View, number>()
  for (const view of views) {
    if (first === undefined || known.has(versionName(view))) {
      floors.set(view, from)
      continue
    }
    const { topic, partition, appendTime: sinceMs } = readEntry(first.text)
    floors.set(view, await declareSince(keyed, view, { topic, partition }, { from, sinceMs, mixed }))
  }
  return floors
}

/** What goes on which board, and the greatest event time of the good records (lib/state/progress.ts). */
function deltasOf(
  floors: ReadonlyMap<View, number>,
  batch: SeenBatch,
  epochMs: number,
): { readonly deltas: readonly BoardDelta[]; readonly eventTimeMs: number | undefined } {
  let eventTimeMs: number | undefined
  const found = [...floors].map(([view, from]) => ({ view, from, deltas: new ViewDeltas(view) }))
  for (const { origin, text } of batch.entries) {
    const entry = readEntry(text)
    const epoch = epochOf(entry.appendTime, epochMs)
    if (entry.outcome === 'ok')
      eventTimeMs = Math.max(eventTimeMs ?? 0, Math.min(entry.eventTime, entry.appendTime))
    for (const { view, from, deltas } of found) {
      if (origin < from) continue
      const keys = view.keysOf(entry)
      if (keys.length > 0) deltas.of(entry, epoch).push({ origin, entry, keys })
    }
  }
  return { deltas: found.flatMap(({ deltas }) => deltas.all), eventTimeMs }
}

/** The deltas of one view. Records of a batch are mostly of one slot and epoch, so the last delta is looked at first. */
class ViewDeltas {
  readonly all: BoardDelta[] = []
  readonly #view: View
  readonly #bySlot = new Map<number, readonly BoardDelta[]>()
  #last: BoardDelta | undefined

  constructor(view: View) {
    this.#view = view
  }

  /** The entries of the board that the entry belongs on. */
  of({ eventTime, topic, partition }: Entry, epoch: number): Numbered[] {
    const slot = this.#view.slotOf(eventTime)
    const here = ({ key }: BoardDelta) => key.slot === slot && key.epoch === epoch
    if (this.#last !== undefined && here(this.#last)) return this.#last.entries
    const ofSlot = this.#bySlot.get(slot) ?? []
    const known = ofSlot.find(here)
    const delta = known ?? { view: this.#view, key: { slot, epoch, topic, partition }, entries: [] }
    if (known === undefined) {
      this.all.push(delta)
      this.#bySlot.set(slot, [...ofSlot, delta])
    }
    this.#last = delta
    return delta.entries
  }
}
