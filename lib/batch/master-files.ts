import type { MasterFile } from '../master/manifest.ts'
import { filesOf, readManifest } from '../master/manifest-store.ts'
import { readMasterFile } from '../master/read-file.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { CoveredPartition } from '../state/batch-index.ts'
import { epochOf } from '../stream/epoch.ts'
import type { PartitionEnd } from './frontier.ts'

/** Epochs of a file's records: the first and the last, both included. */
export function epochsOf({ minAppendMs, maxAppendMs }: MasterFile, epochMs: number) {
  return { first: epochOf(minAppendMs, epochMs), last: epochOf(maxAppendMs, epochMs) }
}

/** The files of a partition that hold raw offsets of [from, end), in order. */
export async function listFiles(
  objects: ObjectStore,
  stream: string,
  { topic, partition, end }: PartitionEnd,
  from: number,
): Promise<readonly MasterFile[]> {
  const { manifest } = await readManifest(objects, stream, topic, partition)
  const files: MasterFile[] = []
  for await (const file of filesOf(objects, manifest, (stretch) => stretch.to > from && stretch.from < end))
    files.push(file)
  return files
}

/**
 * Between which offsets a horizon runs through a partition. `before`: where an earlier horizon did; the files from its
 * `beyond` on are given. Only files that hold epochs of both sides are opened, for their append times.
 */
export async function coveredPartition(
  objects: ObjectStore,
  at: PartitionEnd,
  files: readonly MasterFile[],
  before: Pick<CoveredPartition, 'below' | 'beyond'>,
  { horizon, epochMs }: { readonly horizon: number; readonly epochMs: number },
): Promise<CoveredPartition> {
  const from = before.beyond
  let { below } = before
  let beyond = at.end
  for (const file of files) {
    const { first, last } = epochsOf(file, epochMs)
    if (last < horizon) below = Math.max(below, Math.min(file.to, at.end))
    else if (first >= horizon) beyond = Math.min(beyond, Math.max(file.from, from))
    else
      for await (const { offset, epoch } of rowEpochs(objects, file, epochMs)) {
        if (offset < from || offset >= at.end) continue
        if (epoch < horizon) below = Math.max(below, offset + 1)
        else beyond = Math.min(beyond, offset)
      }
  }
  return { ...at, below, beyond }
}

/** Records at or above an offset whose epoch is before `horizon`. */
export async function recordsBefore(
  objects: ObjectStore,
  files: readonly MasterFile[],
  { from, end }: { readonly from: number; readonly end: number },
  { horizon, epochMs }: { readonly horizon: number; readonly epochMs: number },
): Promise<number> {
  let records = 0
  for (const file of files) {
    if (file.to <= from || epochsOf(file, epochMs).first >= horizon) continue
    for await (const { offset, epoch } of rowEpochs(objects, file, epochMs))
      if (offset >= from && offset < end && epoch < horizon) records++
  }
  return records
}

async function* rowEpochs(
  objects: ObjectStore,
  file: MasterFile,
  epochMs: number,
): AsyncGenerator<{ readonly offset: number; readonly epoch: number }> {
  const wanted = { fields: [], envelope: ['weir_offset', 'weir_append_time'] as const }
  for await (const chunk of readMasterFile(objects, file, wanted)) {
    const offsets = chunk.envelope('weir_offset') ?? []
    const times = chunk.envelope('weir_append_time') ?? []
    for (let i = 0; i < chunk.rows; i++)
      yield { offset: Number(offsets[i]), epoch: epochOf(Number(times[i]), epochMs) }
  }
}
