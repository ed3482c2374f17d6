import { keysOfBlock, type SegmentKey, wholeKeys } from '../formats/segment.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { States, View } from '../views/view.ts'
import { type BatchChunk, type BatchIndex, type SegmentNote, segmentFor } from './batch-index.ts'
import type { BatchEntry } from './batch-pointer.ts'
import { blocksFor, openSegment, readBatchIndex } from './batch-read.ts'

/** Which rows of a batch view. */
export interface RowsWanted {
  /** As it stands in the view: parts joined by U+001F (lib/views/key.ts). Undefined: all. */
  readonly key?: string | undefined
  /** Slots that start in [from, to), ms. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export interface BatchRow {
  readonly key: string
  /** Start of the slot, ms. */
  readonly slot: number
  readonly states: States
}

/** Segments asked for at once: of one key a block each, else the whole of each. */
const READ_AHEAD_OF_KEY = 32
const READ_AHEAD = 4

/**
 * The rows of a batch view: by chunk of slots, within it by bucket and key, each key's slots ascending. A (key, slot)
 * comes once. Rejects with a PortError CORRUPT, naming it, where an object is gone or not what was written.
 */
export async function* readBatchRows(
  objects: ObjectStore,
  view: View,
  entry: Pick<BatchEntry, 'index'>,
  wanted: RowsWanted = {},
): AsyncGenerator<BatchRow> {
  for await (const { key, slots, states } of readBatchKeys(objects, view, entry, wanted))
    for (const [i, slot] of slots.entries()) yield { key, slot, states: view.fromJson(states[i]) }
}

/** As `readBatchRows`, key by key, the states as JSON: for who reads millions. `slots` holds the wanted ones only. */
export async function* readBatchKeys(
  objects: ObjectStore,
  view: View,
  entry: Pick<BatchEntry, 'index'>,
  wanted: RowsWanted = {},
): AsyncGenerator<SegmentKey> {
  const index = await readBatchIndex(objects, entry)
  const notes = chunksOf(index, wanted).flatMap((chunk) => segmentsOf(chunk, wanted.key))
  const ahead = notes
    .splice(0, wanted.key === undefined ? READ_AHEAD : READ_AHEAD_OF_KEY)
    .map((note) => keysOf(objects, view, note, wanted.key))
  for (;;) {
    const reading = ahead.shift()
    if (reading === undefined) return
    const keys = await reading
    const next = notes.shift()
    if (next !== undefined) ahead.push(keysOf(objects, view, next, wanted.key))
    for (const one of keys) {
      const within = withinSlots(one, wanted)
      if (within.slots.length > 0) yield within
    }
  }
}

function chunksOf({ chunks, chunkMs }: BatchIndex, { from, to }: RowsWanted): readonly BatchChunk[] {
  const { NEGATIVE_INFINITY, POSITIVE_INFINITY } = Number
  return chunks.filter(
    (chunk) => chunk.from + chunkMs > (from ?? NEGATIVE_INFINITY) && chunk.from < (to ?? POSITIVE_INFINITY),
  )
}

function segmentsOf(chunk: BatchChunk, key: string | undefined): readonly SegmentNote[] {
  if (key === undefined) return chunk.segments
  const segment = segmentFor(chunk, key)
  return segment === undefined || segment.rows === 0 ? [] : [segment]
}

/** A promise whose failure is seen by who awaits it; a reader that stops before must not bring the process down. */
function keysOf(
  objects: ObjectStore,
  view: View,
  note: SegmentNote,
  key: string | undefined,
): Promise<Iterable<SegmentKey>> {
  const reading = openAndRead(objects, view, note, key)
  reading.catch(() => undefined)
  return reading
}

async function openAndRead(
  objects: ObjectStore,
  view: View,
  note: SegmentNote,
  key: string | undefined,
): Promise<Iterable<SegmentKey>> {
  const segment = await openSegment(objects, view, note)
  const raws = await blocksFor(segment, key)
  if (key === undefined) return wholeKeys(raws, segment.footer)
  return raws.flatMap((raw) => [...keysOfBlock(segment.footer, raw, key)])
}

function withinSlots(one: SegmentKey, { from, to }: RowsWanted): SegmentKey {
  if (from === undefined && to === undefined) return one
  const kept = one.slots.flatMap((slot, i) => ((from ?? slot) <= slot && slot < (to ?? slot + 1) ? [i] : []))
  if (kept.length === one.slots.length) return one
  return {
    key: one.key,
    slots: kept.map((i) => one.slots[i] ?? 0),
    states: kept.map((i) => one.states[i]),
  }
}
