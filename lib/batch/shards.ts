import type { MasterFile } from '../master/manifest.ts'
import type { CoveredPartition } from '../state/batch-index.ts'
import { type RetractedStretch, retractedRanges } from '../state/retractions.ts'
import { epochsOf } from './master-files.ts'
import type { Shard, ShardFile } from './run-plan.ts'

/** The files of one partition, in order, and where the horizon runs through it. */
export interface PartitionFiles {
  readonly at: CoveredPartition
  readonly files: readonly MasterFile[]
}

export interface EpochRange {
  readonly epochMs: number
  /** Epochs [from, to); `from` absent: from the first. */
  readonly from?: number | undefined
  readonly to: number
}

/** Records of a shard: some seconds of work. */
const ROWS_MIN = 1_000_000
/** Of all groups of a run together: their names must fit into the 256 KiB of a state. */
export const SHARDS_MAX = 1000

export interface ShardLimits {
  readonly rowsMin?: number
  readonly shardsMax?: number
}

/**
 * Cuts the files that hold records of a range of epochs into shards, in order of partition and offset: the same files make
 * the same shards. Files appended to a partition change its last shard alone, or where there are more partitions than half of
 * `shardsMax`, those of its neighbours too. Never more than `shardsMax` shards: between two cuts that every few partitions
 * force, any two neighbours hold more than `rowsEach` rows together, so there are `shardsMax` / 2 at most beside one for each such cut.
 */
export function shardsOf(
  partitions: readonly PartitionFiles[],
  epochs: EpochRange,
  retractions: readonly RetractedStretch[],
  { rowsMin = ROWS_MIN, shardsMax = SHARDS_MAX }: ShardLimits = {},
): { readonly shards: readonly Shard[]; readonly records: number } {
  const wanted = partitions.map(({ at, files }) => files.filter((file) => holdsAny(file, at, epochs)))
  const records = wanted.flat().reduce((sum, { rows }) => sum + rows, 0)
  const half = Math.max(1, Math.floor(shardsMax / 2))
  const rowsEach = Math.max(rowsMin, Math.ceil((2 * records) / half))
  const together = Math.ceil(partitions.length / half)
  const shards: Shard[] = []
  let open: ShardFile[] = []
  let rows = 0
  const close = () => {
    if (open.length > 0) shards.push({ form: 1, epochMs: epochs.epochMs, files: open })
    open = []
    rows = 0
  }
  for (const [i, { at }] of partitions.entries()) {
    for (const file of wanted[i] ?? []) {
      if (rows > 0 && rows + file.rows > rowsEach) close()
      open.push(shardFile(file, at, epochs, retractions))
      rows += file.rows
    }
    // Small partitions share a shard; where there is more, none holds two, unless there are very many.
    if (records > rowsEach && (i + 1) % together === 0) close()
  }
  close()
  return { shards, records }
}

function holdsAny(
  file: MasterFile,
  { end }: CoveredPartition,
  { epochMs, from = 0, to }: EpochRange,
): boolean {
  const { first, last } = epochsOf(file, epochMs)
  return file.from < end && last >= from && first < to
}

/** What is given only where it takes anything away, so that a file that counts whole has one form, whatever the run. */
function shardFile(
  file: MasterFile,
  { topic, partition, end }: CoveredPartition,
  { epochMs, from, to }: EpochRange,
  retractions: readonly RetractedStretch[],
): ShardFile {
  const { key, sizeBytes, sha256 } = file
  const { first, last } = epochsOf(file, epochMs)
  const without = retractedRanges(retractions, topic, partition)
    .filter((gone) => gone.from < file.to && gone.to > file.from)
    .map((gone) => [Math.max(gone.from, file.from), Math.min(gone.to, file.to)] as const)
  return {
    ...{ topic, partition, key, sizeBytes, sha256, from: file.from, to: file.to },
    ...(from !== undefined && first < from ? { fromEpoch: from } : {}),
    ...(last >= to ? { toEpoch: to } : {}),
    ...(file.to > end ? { below: end } : {}),
    ...(without.length > 0 ? { without } : {}),
  }
}
