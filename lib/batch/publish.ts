import { PortError } from '../ports/errors.ts'
import type { Ports } from '../ports/ports.ts'
import { type BatchChunk, type BatchIndex, chunkMsOf, indexObject, keptFromMs } from '../state/batch-index.ts'
import { type BatchEntry, type BatchPointer, loadBatchPointer, pointerItem } from '../state/batch-pointer.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import { leaseFence, RunLostError, readRunRecord, recordPut } from '../state/batch-run.ts'
import { supersededPut } from '../state/batch-superseded.ts'
import { versionName } from '../state/view-since.ts'
import { mapAtOnce } from '../stream/at-once.ts'
import type { Stream } from '../stream/define.ts'
import { compileView, type View } from '../views/view.ts'
import { RETIRED_MS } from './expire-versions.ts'
import { type MergeResult, mergeResultKey } from './merge.ts'
import { type MergePlan, mergePlanKey } from './plan-merge.ts'
import { type PlannedView, planOf, type RunPlan, type RunStep, readJson, viewOf } from './run-plan.ts'
import type { RunResult, ViewResult } from './run-result.ts'
import { missingOnBoards } from './since-check.ts'

type PublishPorts = Pick<Ports, 'keyed' | 'objects' | 'clock'>

/**
 * Makes the run's views what queries read: one transaction that replaces the pointer on which the run was planned, while
 * the run has the lease, and records its end. A view whose boards do not hold all from the horizon on is left as it was.
 * Run again it answers what was published. Rejects with a RunLostError where another run was faster.
 */
export async function publishRun(
  ports: PublishPorts,
  stream: Stream,
  step: RunStep,
  { leaseMs }: { readonly leaseMs: number },
): Promise<RunResult> {
  const ended = await readRunRecord<RunResult>(ports.keyed, step.stream, step.run)
  if (ended !== undefined) return ended
  const plan = await planOf(ports.objects, step)
  const loaded = await loadBatchPointer(ports.keyed, step.stream)
  const built = await buildViews(ports, plan, loaded?.pointer)
  const result = resultOf(ports, stream, plan, built, loaded?.pointer)
  if (plan.groups.length > 0 && loaded?.rev !== plan.pointerRev) return overtaken(ports, step)
  const pointer = pointerOf(stream, plan, built, loaded?.pointer, result.endedMs)
  const nothing = plan.groups.length === 0
  const { ok } = await ports.keyed.transact([
    await leaseFence(ports, step.stream, step.run, leaseMs),
    recordPut(step.stream, step.run, result),
    ...(nothing
      ? []
      : [
          {
            item: pointerItem(step.stream, pointer),
            condition: loaded === undefined ? ('absent' as const) : { rev: loaded.rev },
          },
        ]),
    ...(nothing ? [] : [replaced(plan, loaded?.pointer, result.endedMs)]),
  ])
  return ok ? result : overtaken(ports, step)
}

/** Queries that found no pointer go by the boards of all epochs: that, too, is something that is replaced. */
function replaced(
  { stream, covers: { epochMs } }: RunPlan,
  pointer: BatchPointer | undefined,
  replacedMs: number,
) {
  const none: BatchPointer = { form: 1, run: 'none', publishedMs: 0, epochMs, horizon: 0, views: {} }
  return supersededPut(stream, { pointer: pointer ?? none, replacedMs })
}

/** The transaction did not hold: it may be this run's own success, sent twice. */
async function overtaken({ keyed }: PublishPorts, { stream, run }: RunStep): Promise<RunResult> {
  const ended = await readRunRecord<RunResult>(keyed, stream, run)
  if (ended !== undefined) return ended
  throw new RunLostError(`${stream}: run ${run} was overtaken by another and has published nothing`)
}

interface Built {
  readonly planned: PlannedView
  readonly view: View
  readonly result: ViewResult
  /** Undefined: it is left as it was. */
  readonly entry: BatchEntry | undefined
}

async function buildViews(
  ports: PublishPorts,
  plan: RunPlan,
  pointer: BatchPointer | undefined,
): Promise<readonly Built[]> {
  if (plan.groups.length === 0) return []
  const { merge, chunks } = await mergedChunks(ports, plan)
  const built: Built[] = []
  for (const planned of plan.groups.flatMap(({ views }) => views)) {
    const view = viewOf(plan, planned)
    const missing = await missingOnBoards(ports.keyed, view, plan.covers)
    const records = merge.records[planned.name] ?? 0
    const own = chunks.get(planned.name) ?? []
    built.push(
      missing === undefined
        ? await buildIndex(ports, plan, planned, view, own, records, pointer)
        : { planned, view, entry: undefined, result: leftOut(planned, view, missing, records) },
    )
  }
  return built
}

async function mergedChunks(
  { objects }: PublishPorts,
  plan: RunPlan,
): Promise<{ readonly merge: MergePlan; readonly chunks: ReadonlyMap<string, readonly BatchChunk[]> }> {
  const merge = await readJson<MergePlan>(objects, mergePlanKey(plan))
  if (merge === undefined) throw unmerged(plan, 'its merge was not planned')
  const chunks = new Map<string, BatchChunk[]>()
  const results = await mapAtOnce(merge.parts, async (part) => {
    const result = await readJson<MergeResult>(objects, mergeResultKey(plan, part))
    if (result === undefined) throw unmerged(plan, `part ${part} was not merged`)
    return result
  })
  for (const { view, chunk } of results.flatMap((result) => result.chunks)) {
    const own = chunks.get(view) ?? []
    if (own.push(chunk) === 1) chunks.set(view, own)
  }
  return { merge, chunks }
}

async function buildIndex(
  { objects }: PublishPorts,
  plan: RunPlan,
  planned: PlannedView,
  view: View,
  merged: readonly BatchChunk[],
  records: number,
  pointer: BatchPointer | undefined,
): Promise<Built> {
  const base = planned.base === undefined ? [] : (await readBatchIndex(objects, planned.base)).chunks
  const byFrom = new Map([...base, ...merged].map((chunk) => [chunk.from, chunk]))
  const { slotMs } = view.definition
  const { covers } = plan
  const keptMs = keptFromMs(view.definition, covers)
  const chunks = [...byFrom.values()].filter(({ from }) => from >= keptMs).sort((a, b) => a.from - b.from)
  const name = versionName(view)
  const head = { form: 1 as const, view: name, slotMs, chunkMs: chunkMsOf(slotMs), covers }
  const index: BatchIndex = { ...head, ...(keptMs > 0 ? { keptFromMs: keptMs } : {}), chunks }
  const { key, bytes } = indexObject(view, index)
  await putIndex(objects, key, bytes)
  const known = await segmentsBefore(objects, pointer?.views[name])
  const names = namesOf(chunks)
  const result: ViewResult = {
    view: view.id,
    version: view.version,
    mode: planned.base === undefined ? 'full' : 'added',
    ...(planned.why === undefined ? {} : { why: planned.why }),
    records,
    chunks: chunks.length,
    segments: names.length,
    segmentsMade: names.filter((one) => !known.has(one)).length,
  }
  return { planned, view, entry: { index: key, horizon: covers.horizon }, result }
}

/** One that is there under its name and has other bytes is damaged. */
async function putIndex(objects: PublishPorts['objects'], key: string, bytes: Uint8Array): Promise<void> {
  if ((await objects.put(key, bytes, 'absent')).ok) return
  const stands = await objects.get(key)
  if (stands === undefined || Buffer.compare(stands.bytes, bytes) !== 0) await objects.put(key, bytes)
}

/** Names of the segments of the index that stands: only to count by, so a damaged one counts as none. */
async function segmentsBefore(
  objects: PublishPorts['objects'],
  before: BatchEntry | undefined,
): Promise<ReadonlySet<string>> {
  if (before === undefined) return new Set()
  try {
    return new Set(namesOf((await readBatchIndex(objects, before)).chunks))
  } catch (error) {
    if (error instanceof PortError && error.code === 'CORRUPT') return new Set()
    throw error
  }
}

function namesOf(chunks: readonly BatchChunk[]): readonly string[] {
  return chunks.flatMap(({ segments }) => segments.map(({ name }) => name))
}

function leftOut(planned: PlannedView, view: View, missing: string, records: number): ViewResult {
  const none = { chunks: 0, segments: 0, segmentsMade: 0 }
  const why = `${planned.base === undefined ? 'not published yet' : 'left at its last horizon'}: ${missing}`
  return { view: view.id, version: view.version, mode: 'left', why, records, ...none }
}

function resultOf(
  { clock }: PublishPorts,
  stream: Stream,
  plan: RunPlan,
  built: readonly Built[],
  pointer: BatchPointer | undefined,
): RunResult {
  const known = new Set(built.map(({ view }) => versionName(view)))
  const same = viewsOf(stream)
    .filter((view) => !known.has(versionName(view)) && pointer?.views[versionName(view)] !== undefined)
    .map(({ id, version }): ViewResult => {
      const none = { records: 0, chunks: 0, segments: 0, segmentsMade: 0 }
      return { view: id, version, mode: 'same', ...none }
    })
  return {
    stream: plan.stream,
    run: plan.run,
    published: plan.groups.length > 0,
    horizon: plan.covers.horizon,
    ...(plan.complete === true ? { complete: true as const } : {}),
    epochMs: plan.covers.epochMs,
    plannedMs: plan.plannedMs,
    endedMs: clock.nowMs(),
    views: [...built.map(({ result }) => result), ...same],
    late: plan.late,
    retractions: plan.retractions,
  }
}

/** What was built, what stays as it was, and for a while what no view of this release is. */
function pointerOf(
  stream: Stream,
  plan: RunPlan,
  built: readonly Built[],
  before: BatchPointer | undefined,
  nowMs: number,
): BatchPointer {
  const current = new Set(viewsOf(stream).map(versionName))
  const views: Record<string, BatchEntry> = {}
  for (const [name, { index, horizon, retiredMs = nowMs }] of Object.entries(before?.views ?? {})) {
    if (current.has(name)) views[name] = { index, horizon }
    else if (retiredMs > nowMs - RETIRED_MS) views[name] = { index, horizon, retiredMs }
  }
  for (const { view, entry } of built) if (entry !== undefined) views[versionName(view)] = entry
  const { run, covers } = plan
  return {
    form: 1,
    run,
    publishedMs: nowMs,
    epochMs: covers.epochMs,
    horizon: covers.horizon,
    views,
  }
}

/** As a release declares them. */
export function viewsOf({ name: stream, views }: Stream): readonly View[] {
  return Object.entries(views).map(([name, definition]) => compileView(stream, name, definition))
}

function unmerged({ run }: RunStep, what: string): PortError {
  return new PortError('CORRUPT', `run ${run} cannot be published: ${what}`, { curable: false })
}
