import type { Holding, MasterFile } from '../../master/manifest.ts'
import { manifestFiles, rowsOfFile } from '../../master/read.ts'
import { PortError } from '../../ports/errors.ts'
import type { ObjectStore } from '../../ports/object-store.ts'
import { type Retraction, readRetractions, retractedRanges } from '../../state/retractions.ts'
import type { Stream } from '../../stream/define.ts'
import type { Entry } from '../../stream/entry.ts'
import { fieldsOfView } from '../../stream/view-definition.ts'
import { applyToBoard, type Board, EMPTY_BOARD, type Numbered } from '../../views/board.ts'
import type { View } from '../../views/view.ts'
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
  const scan = new AsOfScan(view, asOfMs, slots, keys)
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
  for (const { slot, board } of scan.boards())
    for (const [one, states] of board.keys)
      if (keys === undefined || keys.has(one)) rows.add(one, slot, states)
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

/** Chapters say nothing of times: what they list decides. */
function onFiles(wanted: (file: MasterFile) => boolean): (stretch: Holding) => boolean {
  return (stretch) => !('minAppendMs' in stretch) || wanted(stretch as MasterFile)
}

function retractionTest(retractions: readonly Retraction[], topic: string, partition: number) {
  const ranges = retractedRanges(retractions, topic, partition)
  return (offset: number) => ranges.some(({ from, to }) => from <= offset && offset < to)
}

/** Counts entries as the speed layer does: on a board for each slot and partition. */
class AsOfScan {
  readonly #view: View
  readonly #asOfMs: number
  readonly #slots: SlotRange
  readonly #keys: ReadonlySet<string> | undefined
  readonly #boards = new Map<string, { readonly slot: number; board: Board }>()

  constructor(view: View, asOfMs: number, slots: SlotRange, keys: ReadonlySet<string> | undefined) {
    this.#view = view
    this.#asOfMs = asOfMs
    this.#slots = slots
    this.#keys = keys
  }

  add(entries: readonly Entry[], retracted: (offset: number) => boolean): void {
    const groups = new Map<string, { readonly slot: number; readonly entries: Numbered[] }>()
    for (const entry of entries) {
      if (entry.appendTime >= this.#asOfMs || retracted(entry.offset)) continue
      const slot = this.#view.slotOf(entry.eventTime)
      if (slot < (this.#slots.from ?? 0) || slot >= (this.#slots.to ?? Number.POSITIVE_INFINITY)) continue
      const keys = this.#view.keysOf(entry).filter((key) => this.#keys?.has(key) !== false)
      if (keys.length === 0) continue
      const id = `${slot}/${entry.topic}/${entry.partition}`
      const group = groups.get(id) ?? { slot, entries: [] }
      if (group.entries.push({ origin: entry.offset, entry, keys }) === 1) groups.set(id, group)
    }
    for (const [id, { slot, entries: some }] of groups) {
      const before = this.#boards.get(id)?.board ?? EMPTY_BOARD
      this.#boards.set(id, { slot, board: applyToBoard(this.#view, before, some) })
    }
  }

  boards() {
    return this.#boards.values()
  }
}
