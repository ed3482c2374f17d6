import { randomUUID } from 'node:crypto'
import { writeParquet } from '../formats/parquet-write.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Stream } from '../stream/define.ts'
import type { Entry } from '../stream/entry.ts'
import { fileKey, hourOf } from './keys.ts'
import type { MasterFile } from './manifest.ts'
import { putNew, sha256Of } from './manifest-store.ts'

/** Entries of one raw partition cut where the hour of append changes or offsets are missing: each run is one file. */
export function cutRuns(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const runs: Entry[][] = []
  let last: Entry | undefined
  for (const entry of entries) {
    const joins =
      last !== undefined &&
      entry.offset === last.offset + 1 &&
      hourOf(entry.appendTime) === hourOf(last.appendTime)
    if (joins) runs.at(-1)?.push(entry)
    else runs.push([entry])
    last = entry
  }
  return runs
}

/**
 * Writes a run of `cutRuns` as a Parquet object under a name no other writer has. Until a manifest lists it, it is an
 * orphan that no reader sees.
 */
export async function writeFile(
  objects: ObjectStore,
  stream: Stream,
  run: readonly Entry[],
): Promise<MasterFile> {
  const [first] = run
  if (first === undefined) throw new RangeError('a master file has at least one row')
  const { topic, partition, offset: from } = first
  const to = from + run.length
  const key = fileKey(
    stream.name,
    { topic, partition, from, to, appendTimeMs: first.appendTime },
    randomUUID(),
  )
  const bytes = writeParquet(stream.columns, run)
  await putNew(objects, key, bytes)
  return { key, from, to, sizeBytes: bytes.length, sha256: sha256Of(bytes), ...figuresOf(run) }
}

/** What a manifest says about the rows of a file. */
export type Figures = Omit<MasterFile, 'key' | 'sha256' | 'sizeBytes' | 'from' | 'to'>

export function figuresOf(run: readonly Entry[]): Figures {
  return addFigures(NO_FIGURES, run)
}

export const NO_FIGURES: Figures = {
  rows: 0,
  outcomes: { ok: 0, drop: 0, dead: 0 },
  alerts: 0,
  minAppendMs: Number.POSITIVE_INFINITY,
  maxAppendMs: 0,
  minEventMs: Number.POSITIVE_INFINITY,
  maxEventMs: 0,
}

/** The figures of rows and of the entries that follow them. */
export function addFigures(before: Figures, run: readonly Entry[]): Figures {
  const outcomes = { ...before.outcomes }
  let { alerts, minAppendMs, maxAppendMs, minEventMs, maxEventMs } = before
  for (const entry of run) {
    outcomes[entry.outcome]++
    if (entry.outcome === 'ok' && entry.severity !== undefined) alerts++
    minAppendMs = Math.min(minAppendMs, entry.appendTime)
    maxAppendMs = Math.max(maxAppendMs, entry.appendTime)
    minEventMs = Math.min(minEventMs, entry.eventTime)
    maxEventMs = Math.max(maxEventMs, entry.eventTime)
  }
  const rows = before.rows + run.length
  return { rows, outcomes, alerts, minAppendMs, maxAppendMs, minEventMs, maxEventMs }
}
