import type { Holding, MasterFile } from '../../master/manifest.ts'
import { manifestFiles, rowsOfFile } from '../../master/read.ts'
import { PortError } from '../../ports/errors.ts'
import type { ObjectStore } from '../../ports/object-store.ts'
import { type Retraction, readRetractions, retractedRanges } from '../../state/retractions.ts'
import type { Stream } from '../../stream/define.ts'
import type { Entry } from '../../stream/entry.ts'
import { fieldsOfView } from '../../stream/view-definition.ts'
import type { StatesFold, View } from '../../views/view.ts'
import type { QueryAnswer, QueryOptions } from '../query.ts'
import { type FrontierPorts, masterFrontier } from './frontier.ts'
import { keysDisplayedAs } from './keys.ts'
import { AnswerRows } from './rows.ts'
import { type SlotRange, slotRange } from './slots.ts'

export interface AsOfOptions extends Omit<QueryOptions, 'layer'> {
  /** Records appended before it answer, ms. */
  readonly asOfMs: number
  /** How far the log's clock may be behind this one, ms; 0: it is the same. */
  readonly slackMs: number
  readonly onProgress?: (done: { readonly rows: number; readonly of: number }) => void
}

/**
 * What the view would have answered at a time: from the records that had been appended before it, all of them in the
 * master, under today's definition and today's retractions. Rejects with UNAVAILABLE beyond the master's frontier.
 */
export async function queryAsOf(
  ports: FrontierPorts,
  stream: Stream,
  view: View,
  options: AsOfOptions,
  nowMs: number,
): Promise<QueryAnswer> {
  const { asOfMs, key, bySlot = false } = options
  await checkFrontier(ports, stream, options, nowMs)
  const slots = slotRange(view, options, asOfMs)
  const rows = new AnswerRows(view, bySlot)
  const keys = key === undefined ? undefined : keysDisplayedAs(key, view.definition.groupBy.length)
  const scan = new AsOfScan(view, asOfMs, slots, keys, rows)
  const retractions = await readRetractions(ports.keyed, stream.name)
  const files = await filesWanted(ports.objects, stream.name, view, asOfMs, slots)
  const of = files.reduce((sum, file) => sum + file.rows, 0)
  let done = 0
  for (const { manifest, ...file } of files) {
    const retracted = retractionTest(retractions, manifest.topic, manifest.partition)
    for await (const entries of rowsOfFile(ports.objects, file, fieldsOfView(view.definition))) {
      scan.add(entries, retracted)
      done += entries.length
      options.onProgress?.({ rows: done, of })
    }
  }
  return {
    view: view.id,
    rows: rows.answer(),
    horizon: null,
    since: null,
    retractionsPending: 0,
    asOf: new Date(asOfMs).toISOString(),
  }
}

async function checkFrontier(
  ports: FrontierPorts,
  stream: Stream,
  { asOfMs, slackMs }: AsOfOptions,
  nowMs: number,
) {
  const frontier = await masterFrontier(ports, stream, nowMs, slackMs)
  if (asOfMs <= frontier) return
  const upTo = frontier > 0 ? `is complete up to ${new Date(frontier).toISOString()}` : 'holds nothing yet'
  throw new PortError(
    'UNAVAILABLE',
    `the master of ${stream.name} ${upTo}, and ${new Date(asOfMs).toISOString()} is later: ask for an earlier time, or again when the archive has caught up`,
    { curable: true },
  )
}

/** Files that may hold records appended before `asOfMs` with an event time in the slots. */
async function filesWanted(
  objects: ObjectStore,
  stream: string,
  view: View,
  asOfMs: number,
  { from = 0, to = Number.POSITIVE_INFINITY }: SlotRange,
) {
  const wanted = (file: MasterFile) =>
    file.minAppendMs < asOfMs && file.maxEventMs >= from && view.slotOf(file.minEventMs) < to
  const files = []
  for await (const { manifest, file } of manifestFiles(objects, stream, {}, onFiles(wanted)))
    files.push({ manifest, ...file })
  return files
}

/** Chapters say nothing of event times: what they list decides. */
function onFiles(wanted: (file: MasterFile) => boolean): (stretch: Holding) => boolean {
  return (stretch) => !('maxEventMs' in stretch) || wanted(stretch as MasterFile)
}

function retractionTest(retractions: readonly Retraction[], topic: string, partition: number) {
  const ranges = retractedRanges(retractions, topic, partition)
  return (offset: number) => ranges.some(({ from, to }) => from <= offset && offset < to)
}

/** What some records make of a key: of one slot, or of the slots in [from, to]. */
interface Folded {
  readonly key: string
  readonly fold: StatesFold
  from: number
  to: number
}

/** Counts entries as the speed layer does. It holds an answer's rows, and those of one chunk of entries beside them. */
class AsOfScan {
  readonly #view: View
  readonly #asOfMs: number
  readonly #slots: SlotRange
  readonly #keys: ReadonlySet<string> | undefined
  readonly #rows: AnswerRows

  constructor(
    view: View,
    asOfMs: number,
    slots: SlotRange,
    keys: ReadonlySet<string> | undefined,
    rows: AnswerRows,
  ) {
    this.#view = view
    this.#asOfMs = asOfMs
    this.#slots = slots
    this.#keys = keys
    this.#rows = rows
  }

  add(entries: readonly Entry[], retracted: (offset: number) => boolean): void {
    const { from = 0, to = Number.POSITIVE_INFINITY } = this.#slots
    const row = this.#view.row()
    const chunk = new Map<string, Folded>()
    for (const entry of entries) {
      if (entry.appendTime >= this.#asOfMs || retracted(entry.offset)) continue
      const slot = this.#view.slotOf(entry.eventTime)
      if (slot < from || slot >= to) continue
      const keys = this.#view.keysOf(entry).filter((key) => this.#keys?.has(key) !== false)
      if (keys.length === 0) continue
      row.set(entry)
      for (const key of keys) this.#folded(chunk, key, slot).fold.add(row)
    }
    for (const one of chunk.values()) this.#rows.add(one.key, one.from, one.fold.states(), one.to)
  }

  #folded(chunk: Map<string, Folded>, key: string, slot: number): Folded {
    const id = this.#rows.idOf(key, slot)
    const found = chunk.get(id)
    if (found === undefined) {
      const folded = { key, fold: this.#view.fold(this.#view.empty), from: slot, to: slot }
      chunk.set(id, folded)
      return folded
    }
    found.from = Math.min(found.from, slot)
    found.to = Math.max(found.to, slot)
    return found
  }
}
