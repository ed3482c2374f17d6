import { bucketCount, bucketOf, keyHash } from '../formats/segment-order.ts'
import { SegmentWriter } from '../formats/segment-write.ts'
import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type BatchChunk, REPAIR, type SegmentNote, segmentKey } from '../state/batch-index.ts'
import { mapAtOnce, readAhead } from '../stream/at-once.ts'
import type { View } from '../views/view.ts'
import { mergeKeys, type SegmentSource, type StoredSegment } from './merge-keys.ts'
import { packedSegment } from './partials.ts'
import { type ChunkToMerge, type MergePart, partKey } from './plan-merge.ts'
import { putSegment } from './put-segment.ts'
import { type RunStep, readJson, runPrefix, settleJson, viewOf } from './run-plan.ts'

export interface MergeStep extends RunStep {
  /** Name of the part. */
  readonly part: string
}

/** What a part has come to: chunks by view. */
export interface MergeResult {
  readonly form: 1
  readonly chunks: readonly { readonly view: string; readonly chunk: BatchChunk }[]
}

interface MergePorts {
  readonly objects: ObjectStore
  readonly clock: Pick<Clock, 'nowMs'>
}

/** So that one's requests go on while another's keys are merged. All of a part's sources together are of a bounded size. */
const CHUNKS_AT_ONCE = 4
/** Segments of what stands asked for before they are needed: some hundred kB each. */
const READ_AHEAD = 4

/** Merges the chunks of one part into segments and notes them. A part that is noted is not merged again. */
export async function mergePart(ports: MergePorts, step: MergeStep): Promise<void> {
  const { objects } = ports
  const key = mergeResultKey(step, step.part)
  if ((await objects.head(key)) !== undefined) return
  const part = await readJson<MergePart>(objects, partKey(step, step.part))
  if (part === undefined)
    throw new PortError('CORRUPT', `part ${step.part} of run ${step.run} is gone: start a new run`, {
      curable: false,
    })
  const chunks = await mapAtOnce(
    part.chunks,
    async (chunk) => ({ view: chunk.view.name, chunk: await mergeChunk(ports, step, chunk) }),
    CHUNKS_AT_ONCE,
  )
  await settleJson(objects, key, { form: 1, chunks })
}

export function mergeResultKey(step: RunStep, part: string): string {
  return `${runPrefix(step)}merged/${part}.json`
}

async function mergeChunk(ports: MergePorts, step: RunStep, chunk: ChunkToMerge): Promise<BatchChunk> {
  const view = viewOf(step, chunk.view)
  const sources = sourcesOf(ports, chunk, view)
  const buckets = await bucketsOf(view, chunk, sources)
  const segments: SegmentNote[] = []
  const { slotMs } = view.definition
  // What is built in full is built of the master alone, and makes good what was damaged.
  const repair = chunk.view.base === undefined
  const start = () => new SegmentWriter({ slotMs, from: chunk.from })
  let writer = start()
  const close = async () => {
    segments.push(await putSegment(ports, view, writer.finish(), { repair }))
    writer = start()
  }
  for await (const key of mergeKeys(view, sources)) {
    const bucket = bucketOf(keyHash(key.key), buckets)
    while (segments.length < bucket) await close()
    writer.add(key)
  }
  while (segments.length < buckets) await close()
  return { from: chunk.from, segments }
}

/** As many as the keys and rows of all sources together ask for: counted first, unless their bounds say it. */
async function bucketsOf(
  view: View,
  { base, sources }: ChunkToMerge,
  opened: readonly SegmentSource[],
): Promise<number> {
  const parts = [...sources, sumOf(base)]
  const sum = (pick: (part: Counts) => number) => parts.reduce((total, part) => total + pick(part), 0)
  const most = bucketCount(
    sum(({ keys }) => keys),
    sum(({ rows }) => rows),
  )
  const least = Math.max(...parts.map(({ keys, rows }) => bucketCount(keys, rows)))
  if (most === least) return most
  let keys = 0
  let rows = 0
  for await (const key of mergeKeys(view, opened)) {
    keys++
    rows += key.slots.length
  }
  return bucketCount(keys, rows)
}

interface Counts {
  readonly keys: number
  readonly rows: number
}

function sumOf(base: BatchChunk | undefined): Counts {
  const counts = { keys: 0, rows: 0 }
  for (const { keys, rows } of base?.segments ?? []) {
    counts.keys += keys
    counts.rows += rows
  }
  return counts
}

function sourcesOf(
  { objects }: MergePorts,
  { base, sources }: ChunkToMerge,
  view: View,
): readonly SegmentSource[] {
  const partials = sources.map((source): SegmentSource => {
    return async function* () {
      yield { key: source.key, bytes: await packedSegment(objects, source.key, source) }
    }
  })
  if (base === undefined) return partials
  return [baseSource(objects, base, view), ...partials]
}

/** The buckets of what stands, one after the other: together they are in the order of keys. */
function baseSource(objects: MergePorts['objects'], { segments }: BatchChunk, view: View): SegmentSource {
  return () => readAhead(segments, ({ name }) => storedSegment(objects, segmentKey(view, name)), READ_AHEAD)
}

async function storedSegment(objects: MergePorts['objects'], key: string): Promise<StoredSegment> {
  const stored = await objects.get(key)
  if (stored !== undefined) return { key, bytes: stored.bytes }
  throw new PortError('CORRUPT', `batch object ${key} is gone though the batch view lists it: ${REPAIR}`, {
    curable: false,
  })
}
