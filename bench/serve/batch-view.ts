import { bucketCount, bucketOf, compareKeys, keyHash } from '../../lib/formats/segment-order.ts'
import { SegmentWriter } from '../../lib/formats/segment-write.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { type BatchChunk, chunkMsOf, indexObject, segmentKey } from '../../lib/state/batch-index.ts'
import { pointerItem } from '../../lib/state/batch-pointer.ts'
import { versionName } from '../../lib/state/view-since.ts'
import type { View } from '../../lib/views/view.ts'

export interface BatchViewOptions {
  readonly keys: readonly string[]
  /** Start of the first slot, ms. */
  readonly fromMs: number
  /** An epoch: the slots before it are in the view, all keys in each. */
  readonly horizon: number
  readonly epochMs: number
  readonly states: (slot: number) => readonly unknown[]
}

/** Stores a batch view as a recompute would, and publishes it. */
export async function storeBatchView(
  { keyed, objects }: Pick<Ports, 'keyed' | 'objects'>,
  view: View,
  { keys, fromMs, horizon, epochMs, states }: BatchViewOptions,
): Promise<void> {
  const { slotMs } = view.definition
  const [stream = ''] = view.id.split('.')
  const chunkMs = chunkMsOf(slotMs)
  const chunks: BatchChunk[] = []
  for (let from = fromMs - (fromMs % chunkMs); from < horizon * epochMs; from += chunkMs) {
    const slots = slotsBetween(Math.max(from, fromMs), Math.min(from + chunkMs, horizon * epochMs), slotMs)
    const buckets = bucketCount(keys.length, keys.length * slots.length)
    const segments = []
    for (let bucket = 0; bucket < buckets; bucket++) {
      const writer = new SegmentWriter({ slotMs, from })
      const mine = keys.filter((key) => bucketOf(keyHash(key), buckets) === bucket)
      for (const key of mine.sort((a, b) => compareKeys(keyHash(a), a, keyHash(b), b)))
        writer.add({ key, slots, states: slots.map((slot) => [...states(slot)]) })
      const { bytes, ...note } = writer.finish()
      await objects.put(segmentKey(view, note.name), bytes)
      segments.push({ ...note, sizeBytes: bytes.length })
    }
    chunks.push({ from, segments })
  }
  const covers = { horizon, epochMs, partitions: [], retractions: '' }
  const name = versionName(view)
  const { key, bytes } = indexObject(view, { form: 1, view: name, slotMs, chunkMs, covers, chunks })
  await objects.put(key, bytes)
  const views = { [name]: { index: key, horizon } }
  const pointer = { form: 1 as const, run: 'bench', publishedMs: 0, epochMs, horizon, views }
  await keyed.put(pointerItem(stream, pointer), 'absent')
}

/** Starts of the slots in [from, to). */
export function slotsBetween(from: number, to: number, slotMs: number): readonly number[] {
  return Array.from({ length: Math.max(0, (to - from) / slotMs) }, (_, i) => from + i * slotMs)
}
