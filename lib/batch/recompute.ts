import type { Chunk } from '../formats/parquet-read.ts'
import { packSegments } from '../formats/segment-pack.ts'
import { readMasterFile } from '../master/read-file.ts'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { epochOf } from '../stream/epoch.ts'
import { fieldsOfView } from '../stream/view-definition.ts'
import type { View } from '../views/view.ts'
import { columnsOf, envelopeOf } from './chunk-columns.ts'
import {
  partialKey,
  planOf,
  type RunPlan,
  type RunStep,
  readJson,
  type Shard,
  type ShardFile,
  shardKey,
  viewOf,
} from './run-plan.ts'
import { Tally } from './tally.ts'

export interface RecomputeStep extends RunStep {
  /** Name of the shard. */
  readonly shard: string
}

export interface RecomputeOptions {
  /** After each file: its rows. */
  readonly onRows?: (rows: number) => void
}

/**
 * Makes the partials of one shard: of every view of its group what the shard's records make, an object each. Those that are
 * there are not made again, whichever run made them: that makes a run that was killed go on where it was.
 */
export async function recomputeShard(
  objects: ObjectStore,
  step: RecomputeStep,
  options: RecomputeOptions = {},
): Promise<void> {
  const plan = await planOf(objects, step)
  const shard = await readJson<Shard>(objects, shardKey(step, step.shard))
  if (shard === undefined) throw corrupt(`shard ${step.shard} of run ${step.run} is gone: start a new run`)
  const tallies: OpenTally[] = []
  const planned = viewsOf(plan, step.shard)
  for (const one of planned) {
    const key = partialKey(plan, one, step.shard)
    if ((await objects.head(key)) !== undefined) continue
    const view = viewOf(step, one)
    tallies.push({ key, view, tally: new Tally(view, planned.length) })
  }
  if (tallies.length === 0) return
  let records = 0
  for (const file of shard.files) {
    records += await scanFile(objects, file, shard.epochMs, tallies)
    options.onRows?.(file.to - file.from)
  }
  for (const { key, tally } of tallies)
    await objects.put(key, packSegments(records, tally.finish()), 'absent')
}

interface OpenTally {
  /** Object key of the partial. */
  readonly key: string
  readonly view: View
  readonly tally: Tally
}

function viewsOf({ groups }: RunPlan, shard: string) {
  return groups.filter(({ shards }) => shards.includes(shard)).flatMap(({ views }) => views)
}

/** Takes in the records of a file that count; resolves with their number. Rejects where rows are missing or too many. */
async function scanFile(
  objects: ObjectStore,
  file: ShardFile,
  epochMs: number,
  tallies: readonly OpenTally[],
): Promise<number> {
  const views = tallies.map(({ view }) => view)
  const fields = [...new Set(views.flatMap(({ definition }) => fieldsOfView(definition)))]
  const chosen = chooser(file, epochMs)
  const envelope = envelopeOf(views, chosen !== undefined)
  const { topic, partition } = file
  let offset = file.from
  let records = 0
  for await (const chunk of readMasterFile(objects, file, { fields, envelope })) {
    const rows = chosen?.(chunk, offset)
    const batch = columnsOf(chunk, { topic, partition, offset }, views)
    for (const { tally } of tallies) tally.add(batch, rows)
    records += rows?.length ?? chunk.rows
    offset += chunk.rows
  }
  // A file holds its offsets once and in order (weir verify proves it): their number says which they are.
  if (offset !== file.to)
    throw corrupt(
      `master file ${file.key} holds ${offset - file.from} rows, its manifest says ${file.to - file.from}`,
    )
  return records
}

/** Which rows of a chunk count; undefined where all of the file do. */
function chooser(
  file: ShardFile,
  epochMs: number,
): ((chunk: Chunk, offset: number) => readonly number[]) | undefined {
  const { fromEpoch, toEpoch, below, without } = file
  if (fromEpoch === undefined && toEpoch === undefined && below === undefined && without === undefined)
    return undefined
  const { POSITIVE_INFINITY } = Number
  const [first, last, end] = [fromEpoch ?? 0, toEpoch ?? POSITIVE_INFINITY, below ?? POSITIVE_INFINITY]
  const gone = (offset: number) => without?.some(([from, to]) => from <= offset && offset < to) === true
  return (chunk, offset) => {
    const times = chunk.envelope('weir_append_time') ?? []
    const rows: number[] = []
    for (let i = 0; i < chunk.rows; i++) {
      const epoch = epochOf(times[i] as number, epochMs)
      if (epoch >= first && epoch < last && offset + i < end && !gone(offset + i)) rows.push(i)
    }
    return rows
  }
}

function corrupt(message: string): PortError {
  return new PortError('CORRUPT', message, { curable: false })
}
