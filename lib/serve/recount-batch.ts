import { nameOfContent, readFooter, readSegment, type SegmentKey } from '../formats/segment.ts'
import { bucketOf, keyHash } from '../formats/segment-order.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type BatchIndex, chunkMsOf, segmentKey } from '../state/batch-index.ts'
import { type RetractedStretch, retractedRanges } from '../state/retractions.ts'
import type { Entry } from '../stream/entry.ts'
import { epochOf } from '../stream/epoch.ts'
import { displayKey } from '../views/key.ts'
import type { EntryRow, StatesFold, View } from '../views/view.ts'
import { type PlacedSegment, type RecountWindow, recountWindows, WINDOW_ROWS_MAX } from './recount-windows.ts'

export interface BatchProblem {
  readonly where: string
  readonly what: string
}

/** A row that the master makes. */
interface Due {
  readonly key: string
  readonly slot: number
  readonly fold: StatesFold
}

interface Range {
  readonly from: number
  readonly to: number
}

/**
 * Runs a view's definition over the master's entries and compares with the segments of its batch view, row by row, one
 * window of slots and keys at a time: for each, `begin`, then `add` every entry of the master (of files that `wants` may
 * leave out), then `finish`.
 */
export class BatchRecount {
  readonly view: View
  readonly passes: number
  /** Rows that hold exactly what the master's records make. */
  agreeing = 0
  /** Records of the epochs before the horizon that the log took after the plan had read its end: the next recompute has them. */
  late = 0
  readonly #index: BatchIndex
  readonly #windows: readonly RecountWindow[]
  readonly #ends: ReadonlyMap<string, number>
  readonly #retracted: readonly RetractedStretch[]
  readonly #ranges = new Map<string, readonly Range[]>()
  readonly #row: EntryRow
  #pass = -1
  #due = new Map<string, Due>()

  /** `retracted`: what the view was built without. */
  constructor(
    view: View,
    index: BatchIndex,
    retracted: readonly RetractedStretch[],
    rowsMax = WINDOW_ROWS_MAX,
  ) {
    this.view = view
    this.#index = index
    this.#retracted = retracted
    this.#windows = recountWindows(index, rowsMax)
    this.passes = this.#windows.length
    this.#ends = new Map(index.covers.partitions.map((one) => [placeOf(one), one.end]))
    this.#row = view.row()
  }

  begin(pass: number): void {
    this.#pass = pass
    this.#due = new Map()
  }

  /** Whether a stretch with these event times may hold rows of this pass. */
  wants({ minEventMs, maxEventMs }: { readonly minEventMs: number; readonly maxEventMs: number }): boolean {
    const window = this.#windows[this.#pass]
    if (window === undefined) return false
    return this.view.slotOf(minEventMs) < window.to && this.view.slotOf(maxEventMs) >= window.from
  }

  add(entries: readonly Entry[]): void {
    const window = this.#windows[this.#pass]
    if (window === undefined) return
    const { horizon, epochMs } = this.#index.covers
    const { keptFromMs: keptMs = Number.NEGATIVE_INFINITY } = this.#index
    for (const entry of entries) {
      if (epochOf(entry.appendTime, epochMs) >= horizon) continue
      if (entry.offset >= (this.#ends.get(placeOf(entry)) ?? 0)) {
        if (this.#pass === 0) this.late++
        continue
      }
      const slot = this.view.slotOf(entry.eventTime)
      if (slot < window.from || slot >= window.to || slot < keptMs || this.#isRetracted(entry)) continue
      for (const key of this.view.keysOf(entry)) if (isOf(window, key)) this.#addTo(key, slot, entry)
    }
  }

  /** Compares the window's segments with what was added. */
  async finish(objects: ObjectStore): Promise<readonly BatchProblem[]> {
    const problems: BatchProblem[] = []
    for (const segment of this.#windows[this.#pass]?.segments ?? []) {
      const what = await this.#compare(objects, segment)
      if (what.length > 0) problems.push(...what.map((one) => ({ where: this.#nameOf(segment), what: one })))
    }
    problems.push(...this.#missing())
    this.#due = new Map()
    return problems
  }

  #addTo(key: string, slot: number, entry: Entry): void {
    const id = `${slot} ${key}`
    let due = this.#due.get(id)
    if (due === undefined) {
      due = { key, slot, fold: this.view.fold(this.view.empty) }
      this.#due.set(id, due)
    }
    due.fold.add(this.#row.set(entry))
  }

  #isRetracted(entry: Entry): boolean {
    const place = placeOf(entry)
    let ranges = this.#ranges.get(place)
    if (ranges === undefined) {
      ranges = retractedRanges(this.#retracted, entry.topic, entry.partition)
      this.#ranges.set(place, ranges)
    }
    return ranges.some(({ from, to }) => from <= entry.offset && entry.offset < to)
  }

  /** What is wrong with one segment. Its keys go to whoever asked for the proof, and never to a log. */
  async #compare(objects: ObjectStore, segment: PlacedSegment): Promise<readonly string[]> {
    const { note } = segment
    const key = segmentKey(this.view, note.name)
    const stored = await objects.get(key)
    // Rows of a segment that cannot be read are not missing as well.
    const unread = (what: string) => {
      for (const [id, due] of this.#due) if (this.#isIn(segment, due)) this.#due.delete(id)
      return [`object ${key} ${what}`]
    }
    if (stored === undefined) return unread('is gone though the index lists it')
    try {
      const footer = readFooter(stored.bytes)
      if (nameOfContent(stored.bytes) !== note.name)
        return unread(`holds other content than its name says: it is segment ${footer.name}`)
      const problems = this.#compareRows(segment, readSegment(stored.bytes))
      const misplaced = footer.from !== segment.chunk ? [`object ${key} is of another chunk of slots`] : []
      return [...misplaced, ...problems]
    } catch {
      // The message of a parser may quote what it has read, which are keys of records.
      return unread('cannot be read: its bytes are not those that were written')
    }
  }

  #compareRows(segment: PlacedSegment, keys: Iterable<SegmentKey>): readonly string[] {
    let wrong = 0
    let first: string | undefined
    let strangers = 0
    for (const { key, slots, states } of keys)
      for (const [i, slot] of slots.entries()) {
        const id = `${slot} ${key}`
        const due = this.#due.get(id)
        this.#due.delete(id)
        if (!this.#isIn(segment, { key, slot })) strangers++
        const found = JSON.stringify(states[i])
        const made = due === undefined ? undefined : JSON.stringify(this.view.toJson(due.fold.states()))
        if (found === made) {
          this.agreeing++
          continue
        }
        wrong++
        first ??= `${rowName(key, slot)} holds ${found}, the master makes ${made ?? 'nothing'}`
      }
    return [
      ...(first === undefined ? [] : [`${first}${more(wrong)}`]),
      ...(strangers > 0 ? [`${strangers} rows belong in another segment`] : []),
    ]
  }

  #isIn({ chunk, bucket, buckets }: PlacedSegment, { key, slot }: Pick<Due, 'key' | 'slot'>): boolean {
    const chunkMs = chunkMsOf(this.view.definition.slotMs)
    return chunk <= slot && slot < chunk + chunkMs && bucketOf(keyHash(key), buckets) === bucket
  }

  /** Rows that the master makes and no segment holds, by chunk. */
  #missing(): readonly BatchProblem[] {
    const chunkMs = chunkMsOf(this.view.definition.slotMs)
    const chunks = new Map<number, Due[]>()
    for (const due of this.#due.values()) {
      const from = due.slot - (due.slot % chunkMs)
      const some = chunks.get(from) ?? []
      if (some.push(due) === 1) chunks.set(from, some)
    }
    return [...chunks].map(([from, [first, ...rest]]) => ({
      where: `view ${this.view.id}, batch chunk from ${time(from)}`,
      what:
        first === undefined
          ? ''
          : `${rowName(first.key, first.slot)} is missing, the master makes ${JSON.stringify(this.view.toJson(first.fold.states()))}${more(rest.length + 1)}`,
    }))
  }

  #nameOf({ note, chunk, bucket, buckets }: PlacedSegment): string {
    return `view ${this.view.id}, batch segment ${note.name.slice(0, 12)} (chunk from ${time(chunk)}, bucket ${bucket + 1} of ${buckets})`
  }
}

function isOf({ buckets, fromBucket, toBucket }: RecountWindow, key: string): boolean {
  if (buckets === 1) return true
  const bucket = bucketOf(keyHash(key), buckets)
  return fromBucket <= bucket && bucket < toBucket
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`
}

function rowName(key: string, slot: number): string {
  return `key ${JSON.stringify(displayKey(key))}, slot ${time(slot)}`
}

function more(wrong: number): string {
  return wrong > 1 ? `; ${wrong - 1} more rows differ` : ''
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
