import { createHash } from 'node:crypto'
import type { ObjectStore } from '../ports/object-store.ts'
import { type BatchChunk, keptFromMs } from '../state/batch-index.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import { partialDirectory } from './partials.ts'
import {
  type PlannedView,
  partialKey,
  planDigest,
  planOf,
  putNamed,
  type RunPlan,
  type RunStep,
  readJson,
  runPrefix,
  settleJson,
  type ViewGroup,
} from './run-plan.ts'

/** The chunks that the run's records touch, in parts for one child each: written once. */
export interface MergePlan {
  readonly form: 1
  /** Names of part objects. The plan is in them, so that parts and what they come to are of this plan alone. */
  readonly parts: readonly string[]
  /** Records that each view was made of or that were added to it, by name of the view. */
  readonly records: Readonly<Record<string, number>>
}

/** Chunks for one child to merge. */
export interface MergePart {
  readonly form: 1
  readonly chunks: readonly ChunkToMerge[]
}

export interface ChunkToMerge {
  readonly view: PlannedView
  /** Start of the chunk, ms. */
  readonly from: number
  /** What of it stands and is added to. */
  readonly base?: BatchChunk
  readonly sources: readonly ChunkSource[]
}

/** One segment of a partial. */
export interface ChunkSource {
  /** Object key of the partial. */
  readonly key: string
  readonly start: number
  readonly end: number
  readonly keys: number
  readonly rows: number
}

/** Packed bytes that one child merges. */
const PART_BYTES = 32 * 1024 * 1024
/** Their names must fit into the 256 KiB of a state. */
const PARTS_MAX = 1000
const AT_ONCE = 16

/** Reads the directories of all partials and says which chunks are to be merged of which. The same again once it is made. */
export async function planMerge(objects: ObjectStore, step: RunStep): Promise<MergePlan> {
  const plan = await planOf(objects, step)
  const key = mergePlanKey(plan)
  const stands = await readJson<MergePlan>(objects, key)
  if (stands !== undefined) return stands
  const records: Record<string, number> = {}
  const chunks: ChunkToMerge[] = []
  for (const group of plan.groups)
    for (const view of group.views) {
      const found = await chunksOf(objects, plan, group, view)
      records[view.name] = found.records
      chunks.push(...found.chunks)
    }
  const parts: string[] = []
  for (const part of partsOf(chunks)) {
    const bytes = Buffer.from(JSON.stringify(part))
    const name = createHash('sha256').update(planDigest(plan)).update(bytes).digest('hex').slice(0, 24)
    await putNamed(objects, partKey(step, name), bytes)
    parts.push(name)
  }
  return settleJson(objects, key, { form: 1, parts, records })
}

async function chunksOf(
  objects: ObjectStore,
  plan: RunPlan,
  { shards }: ViewGroup,
  view: PlannedView,
): Promise<{ readonly records: number; readonly chunks: readonly ChunkToMerge[] }> {
  const base = view.base === undefined ? [] : (await readBatchIndex(objects, view.base)).chunks
  const standing = new Map(base.map((chunk) => [chunk.from, chunk]))
  const byChunk = new Map<number, ChunkSource[]>()
  const keptMs = keptFromMs(view.definition, plan.covers)
  let records = 0
  for (let i = 0; i < shards.length; i += AT_ONCE) {
    const keys = shards.slice(i, i + AT_ONCE).map((shard) => partialKey(plan, view, shard))
    const directories = await Promise.all(keys.map((key) => partialDirectory(objects, key)))
    for (const [at, directory] of directories.entries()) {
      records += directory.records
      for (const { from, ...segment } of directory.segments) {
        if (from < keptMs) continue
        const sources = byChunk.get(from) ?? []
        sources.push({ key: keys[at] ?? '', ...segment })
        byChunk.set(from, sources)
      }
    }
  }
  const chunks = [...byChunk]
    .sort(([a], [b]) => a - b)
    .map(([from, sources]) => {
      const stands = standing.get(from)
      return { view, from, sources, ...(stands === undefined ? {} : { base: stands }) }
    })
  return { records, chunks }
}

function partsOf(chunks: readonly ChunkToMerge[]): readonly MergePart[] {
  const total = chunks.reduce((sum, chunk) => sum + bytesOf(chunk), 0)
  // Any two neighbours hold more than that together: so there are never more parts than PARTS_MAX.
  const each = Math.max(PART_BYTES, Math.ceil((2 * total) / (PARTS_MAX - 1)))
  const parts: ChunkToMerge[][] = []
  let open = Number.POSITIVE_INFINITY
  for (const chunk of chunks) {
    const bytes = bytesOf(chunk)
    if (open + bytes > each) {
      parts.push([])
      open = 0
    }
    parts.at(-1)?.push(chunk)
    open += bytes
  }
  return parts.map((part) => ({ form: 1, chunks: part }))
}

/** With what a chunk costs beside its bytes: some requests. */
function bytesOf({ base, sources }: ChunkToMerge): number {
  const own = sources.reduce((sum, { start, end }) => sum + end - start, 0)
  return own + (base?.segments ?? []).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) + 64 * 1024
}

export function partKey(step: RunStep, name: string): string {
  return `${runPrefix(step)}parts/${name}.json`
}

/** Of this plan alone: publish must not take what an earlier plan of the same run was merged into. */
export function mergePlanKey(plan: RunPlan): string {
  return `${runPrefix(plan)}merge-${planDigest(plan)}.json`
}
