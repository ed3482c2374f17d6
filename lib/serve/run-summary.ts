import type { MasterFile } from '../master/manifest.ts'
import { readManifests } from '../master/manifest-store.ts'
import { manifestFiles, rowsOfFile } from '../master/read.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Ports } from '../ports/ports.ts'
import { AlertLog } from '../state/alert-log.ts'
import { lostRanges, offsetsGone } from '../state/lost.ts'
import { readProgress } from '../state/progress.ts'
import type { Stream } from '../stream/define.ts'
import { enrichedTwin } from '../stream/topic.ts'
import { countedRecords } from './ledger.ts'

/** Raw offsets [from, to) that a run put in, by partition. */
export type RunRanges = readonly (readonly (readonly [from: number, to: number])[])[]

/** What became of a run's records, read from the master and the boards, not from what was sent. */
export interface RunSummary {
  readonly recordsScored: number
  readonly deadLettered: number
  readonly dropped: number
  readonly archived: number
  /**
   * Records of the run that `count` has passed, plus whatever the boards hold over or under what it has passed
   * altogether: so a record that a board lost or doubled shows here.
   */
  readonly counted: number
  /** Alerts that records of the run raised. */
  readonly alerts: number
}

interface Tally {
  rows: number
  dead: number
  drop: number
  alerts: number
}

export async function runSummary(
  stores: Pick<Ports, 'keyed' | 'objects' | 'clock'>,
  stream: Stream,
  topic: string,
  ranges: RunRanges,
): Promise<RunSummary> {
  const tally: Tally = { rows: 0, dead: 0, drop: 0, alerts: 0 }
  for (const [partition, own] of ranges.entries())
    for (const [from, to] of own)
      for await (const { file } of manifestFiles(stores.objects, stream.name, { topic, partition, from, to }))
        await tallyFile(stores.objects, file, [from, to], tally)
  const { passed, total } = await countPassed(stores, stream, topic, ranges)
  const boards = await countedRecords(stores, stream)
  return {
    recordsScored: tally.rows - tally.dead,
    deadLettered: tally.dead,
    dropped: tally.drop,
    archived: tally.rows,
    counted: passed + (boards - total),
    alerts: stream.hasAlertOnce ? await raisedBy(stores, stream.name, topic, ranges) : tally.alerts,
  }
}

/** Of a stream that raises some things once: not every record that scored as an alert has raised one. */
async function raisedBy(
  stores: Pick<Ports, 'keyed' | 'objects' | 'clock'>,
  stream: string,
  topic: string,
  ranges: RunRanges,
): Promise<number> {
  const log = new AlertLog(stream, stores)
  const { page: end } = await log.end()
  let raised = 0
  for (let page = 0; page < end; page++)
    for (const { origin } of (await log.page(page)) ?? []) {
      const own = origin.topic === topic ? (ranges[origin.partition] ?? []) : []
      if (own.some(([from, to]) => from <= origin.offset && origin.offset < to)) raised++
    }
  return raised
}

async function tallyFile(
  objects: ObjectStore,
  file: MasterFile,
  range: readonly [number, number],
  tally: Tally,
) {
  const [from, to] = range
  if (from <= file.from && file.to <= to) {
    tally.rows += file.rows
    tally.dead += file.outcomes.dead
    tally.drop += file.outcomes.drop
    tally.alerts += file.alerts
    return
  }
  for await (const rows of rowsOfFile(objects, file, [])) {
    for (const row of rows) {
      if (row.offset < from || row.offset >= to) continue
      tally.rows++
      if (row.outcome === 'dead') tally.dead++
      if (row.outcome === 'drop') tally.drop++
      if (row.outcome === 'ok' && row.severity !== undefined) tally.alerts++
    }
  }
}

/** Records that `count` has passed: of the ranges, and of all topics and partitions together. */
async function countPassed(
  { keyed, objects }: { readonly keyed: KeyedStore; readonly objects: ObjectStore },
  stream: Stream,
  topic: string,
  ranges: RunRanges,
): Promise<{ passed: number; total: number }> {
  let passed = 0
  let total = 0
  for (const manifest of await readManifests(objects, stream.name)) {
    const enriched = enrichedTwin(manifest.topic)
    const { highestOrigin } = await readProgress(keyed, 'count', enriched, manifest.partition)
    const gone = await lostRanges(keyed, manifest.topic, manifest.partition)
    total += highestOrigin + 1 - offsetsGone(gone, { from: 0, to: highestOrigin + 1 })
    if (manifest.topic !== topic) continue
    for (const [from, to] of ranges[manifest.partition] ?? [])
      passed += recordsBetween(from, Math.min(to, highestOrigin + 1), gone)
  }
  return { passed, total }
}

function recordsBetween(from: number, to: number, gone: Parameters<typeof offsetsGone>[0]): number {
  return Math.max(0, to - from - offsetsGone(gone, { from, to }))
}
