import { compareKeys, keyHash } from '../../../lib/formats/segment-order.ts'
import { SegmentWriter } from '../../../lib/formats/segment-write.ts'
import type { Ports } from '../../../lib/ports/ports.ts'
import type { QueryOptions } from '../../../lib/serve/query.ts'
import {
  type BatchChunk,
  type BatchCoverage,
  chunkMsOf,
  indexObject,
  segmentKey,
} from '../../../lib/state/batch-index.ts'
import { type BatchEntry, pointerItem } from '../../../lib/state/batch-pointer.ts'
import { retractionsDigest } from '../../../lib/state/retractions.ts'
import { versionName } from '../../../lib/state/view-since.ts'
import type { Entry } from '../../../lib/stream/entry.ts'
import { epochOf } from '../../../lib/stream/epoch.ts'
import { displayKey } from '../../../lib/views/key.ts'
import type { States, View } from '../../../lib/views/view.ts'

type Stores = Pick<Ports, 'keyed' | 'objects' | 'epochMs'>

type Covered = Pick<BatchCoverage, 'partitions' | 'retractions'>
const NOTHING: Covered = { partitions: [], retractions: retractionsDigest([]) }

/** What a view is, entry by entry: by key, then by slot. */
export function bruteForce(view: View, entries: readonly Entry[]): Map<string, Map<number, States>> {
  const keys = new Map<string, Map<number, States>>()
  for (const entry of entries)
    for (const key of view.keysOf(entry)) {
      const slots = keys.get(key) ?? new Map<number, States>()
      keys.set(key, slots)
      const slot = view.slotOf(entry.eventTime)
      slots.set(slot, view.add(slots.get(slot) ?? view.empty, entry))
    }
  return keys
}

/** Stores the batch view of the entries before the horizon. */
export async function storeBatch(
  { objects, epochMs }: Stores,
  view: View,
  entries: readonly Entry[],
  horizon: number,
  what: Covered = NOTHING,
): Promise<BatchEntry> {
  const { slotMs } = view.definition
  const chunkMs = chunkMsOf(slotMs)
  const before = entries.filter(({ appendTime }) => epochOf(appendTime, epochMs) < horizon)
  const keys = [...bruteForce(view, before)].sort(([a], [b]) => compareKeys(keyHash(a), a, keyHash(b), b))
  const slots = keys.flatMap(([, states]) => [...states.keys()])
  const starts = [...new Set(slots.map((slot) => slot - (slot % chunkMs)))].sort((a, b) => a - b)
  const chunks: BatchChunk[] = []
  for (const from of starts) {
    const writer = new SegmentWriter({ slotMs, from })
    for (const [key, states] of keys) {
      const own = [...states.keys()].filter((slot) => slot - (slot % chunkMs) === from).sort((a, b) => a - b)
      const json = own.map((slot) => view.toJson(states.get(slot) ?? view.empty) as unknown[])
      if (own.length > 0) writer.add({ key, slots: own, states: json })
    }
    const { bytes, ...note } = writer.finish()
    await objects.put(segmentKey(view, note.name), bytes)
    chunks.push({ from, segments: [{ ...note, sizeBytes: bytes.length }] })
  }
  const covers = { horizon, epochMs, ...what }
  const name = versionName(view)
  const index = indexObject(view, { form: 1, view: name, slotMs, chunkMs, covers, chunks })
  await objects.put(index.key, index.bytes)
  return { index: index.key, horizon }
}

/** Swaps the pointer to the batch view of the entries before the horizon. */
export async function publishBatch(
  stores: Stores,
  view: View,
  entries: readonly Entry[],
  horizon: number,
  what: Covered = NOTHING,
): Promise<BatchEntry> {
  const entry = await storeBatch(stores, view, entries, horizon, what)
  const [stream = ''] = view.id.split('.')
  const views = { [versionName(view)]: entry }
  const { epochMs } = stores
  const pointer = { form: 1 as const, run: `run-${horizon}`, publishedMs: horizon, epochMs, horizon, views }
  await stores.keyed.put(pointerItem(stream, pointer), 'any')
  return entry
}

/** Rows of an answer as brute force over entries makes them. */
export function expected(view: View, entries: readonly Entry[], { key, from, to, bySlot }: QueryOptions) {
  const rows = []
  for (const [one, slots] of bruteForce(view, entries)) {
    if (key !== undefined && displayKey(one) !== key) continue
    const within = [...slots].filter(
      ([slot]) => slot >= view.slotOf(from ?? 0) && slot < (to ?? Number.POSITIVE_INFINITY),
    )
    const parts = bySlot === true ? within.map((slot) => [slot]) : within.length > 0 ? [within] : []
    for (const part of parts) {
      const starts = part.map(([slot]) => slot)
      rows.push({
        key: displayKey(one),
        from: new Date(Math.min(...starts)).toISOString(),
        to: new Date(Math.max(...starts) + view.definition.slotMs).toISOString(),
        ...view.answer(part.map(([, states]) => states).reduce(view.merge)),
      })
    }
  }
  return rows
}

export const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort()
export const plain = (rows: readonly { readonly [name: string]: unknown }[]) =>
  rows.map(({ fields, ...row }) => row)
