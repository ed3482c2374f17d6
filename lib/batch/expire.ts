import { PortError } from '../ports/errors.ts'
import type { Ports } from '../ports/ports.ts'
import { recordExpired } from '../state/batch-expired.ts'
import { batchPrefix } from '../state/batch-index.ts'
import { type BatchEntry, type BatchPointer, readBatchPointer } from '../state/batch-pointer.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import { keepLease, RunLostError, releaseLease } from '../state/batch-run.ts'
import { forgetSuperseded, readSuperseded } from '../state/batch-superseded.ts'
import { expireBoards } from '../state/expire-boards.ts'
import { expireVersions } from './expire-versions.ts'
import { UNSWEPT_MS } from './put-segment.ts'
import { frontierKey, partialsPrefix, type RunStep } from './run-plan.ts'

export interface ExpireOptions {
  /** How long after a swap queries may still go by what it replaced: longer than every cache and query. */
  readonly graceMs: number
  readonly leaseMs: number
  /** Stops there; the next run goes on. */
  readonly untilMs: number
  /** `versionName` of each view that this release declares. */
  readonly declared: readonly string[]
}

export interface Expired {
  readonly boards: number
  readonly objects: number
}

type ExpirePorts = Pick<Ports, 'keyed' | 'objects' | 'clock'>

/**
 * Deletes what no query can need any more: boards before the horizon of every pointer that may still be in use, and batch
 * objects that none of these refers to. Then gives the run's lease back. Safe to be killed anywhere and done again.
 */
export async function expireStream(
  ports: ExpirePorts,
  step: RunStep,
  options: ExpireOptions,
): Promise<Expired> {
  const { keyed, clock } = ports
  try {
    await keepLease(ports, step.stream, step.run, options.leaseMs)
  } catch (error) {
    // Of a run that ended before, or that was overtaken: what there is to delete is another's to delete.
    if (error instanceof RunLostError) return { boards: 0, objects: 0 }
    throw error
  }
  const pointer = await readBatchPointer(keyed, step.stream)
  const superseded = await readSuperseded(keyed, step.stream)
  const over = superseded.filter(({ replacedMs }) => replacedMs <= clock.nowMs() - options.graceMs)
  const live = superseded.filter((one) => !over.includes(one)).map((one) => one.pointer)
  const pointers = pointer === undefined ? live : [...live, pointer]
  let boards = pointer === undefined ? 0 : await boardsBefore(ports, step, pointers, pointer, options)
  if (pointer !== undefined) {
    const { declared, untilMs } = options
    boards += await expireVersions(ports, step.stream, declared, { pointer, live: pointers }, untilMs)
  }
  const objects = await sweepObjects(ports, step, pointers, options)
  for (const one of over) await forgetSuperseded(keyed, step.stream, one)
  await releaseLease(ports, step.stream, step.run)
  return { boards, objects }
}

/** First it is recorded up to where boards may be gone, then they go: a query that missed one finds it out. */
async function boardsBefore(
  ports: ExpirePorts,
  { stream }: RunStep,
  pointers: readonly BatchPointer[],
  pointer: BatchPointer,
  { untilMs }: ExpireOptions,
): Promise<number> {
  const before: Record<string, number> = {}
  for (const name of Object.keys(pointer.views)) {
    // A pointer that does not name a view answers from the boards of all epochs.
    const horizon = Math.min(...pointers.map(({ views }) => views[name]?.horizon ?? 0))
    if (horizon > 0) before[name] = horizon
  }
  await recordExpired(ports.keyed, stream, before)
  let boards = 0
  for (const [name, epoch] of Object.entries(before))
    boards += await expireBoards(ports, name, epoch, () => ports.clock.nowMs() < untilMs)
  return boards
}

/** Segments, indexes and partials that nothing refers to and that are too old to be about to be used; dead runs' notes. */
async function sweepObjects(
  ports: ExpirePorts,
  step: RunStep,
  pointers: readonly BatchPointer[],
  { leaseMs, untilMs, graceMs }: ExpireOptions,
): Promise<number> {
  const isReferred = await referred(ports, pointers)
  const { clock, objects } = ports
  const old = clock.nowMs() - Math.max(UNSWEPT_MS, graceMs)
  const doneMs = clock.nowMs() - graceMs
  let swept = 0
  const sweep = async (key: string) => {
    // Only while no other run can be about to use what lies here.
    if (swept % 32 === 0) await keepLease(ports, step.stream, step.run, leaseMs)
    await objects.delete(key)
    swept++
  }
  for (const key of await deadNotes(ports, step, doneMs)) {
    if (clock.nowMs() >= untilMs) return swept
    await sweep(key)
  }
  for await (const { key, modifiedMs } of objects.list(batchPrefix(step.stream))) {
    if (clock.nowMs() >= untilMs) break
    const oldMs = key.startsWith(partialsPrefix(step.stream)) ? doneMs : old
    if (key.startsWith(runsPrefix(step)) || isReferred(key) || modifiedMs >= oldMs) continue
    await sweep(key)
  }
  return swept
}

/**
 * Notes of other runs whose newest is older than `doneMs`: all of a run or none, so that a run that is taken up again goes
 * by one plan. Each run's frontier first: a sweep that is cut short there leaves a plan that is refused, or no plan.
 */
async function deadNotes(
  { objects }: ExpirePorts,
  step: RunStep,
  doneMs: number,
): Promise<readonly string[]> {
  const runs = new Map<string, { newestMs: number; readonly keys: string[] }>()
  for await (const { key, modifiedMs } of objects.list(runsPrefix(step))) {
    const run = key.slice(runsPrefix(step).length).split('/')[0] ?? ''
    const notes = runs.get(run) ?? { newestMs: 0, keys: [] }
    notes.newestMs = Math.max(notes.newestMs, modifiedMs)
    notes.keys.push(key)
    runs.set(run, notes)
  }
  runs.delete(step.run)
  const dead = [...runs].filter(([, { newestMs }]) => newestMs < doneMs)
  return dead.flatMap(([run, { keys }]) => {
    const frontier = frontierKey({ stream: step.stream, run })
    return [...keys.filter((key) => key === frontier), ...keys.filter((key) => key !== frontier)]
  })
}

async function referred(
  { objects }: ExpirePorts,
  pointers: readonly BatchPointer[],
): Promise<(key: string) => boolean> {
  const kept = new Set<string>()
  // Of an index that cannot be read nobody knows what it refers to.
  const unread: string[] = []
  for (const entry of pointers.flatMap(({ views }) => Object.values(views))) {
    if (kept.has(entry.index)) continue
    kept.add(entry.index)
    const segments = entry.index.replace(/indexes\/[^/]+$/, 'segments/')
    const names = await segmentsOf(objects, entry)
    if (names === undefined) unread.push(segments)
    for (const name of names ?? []) kept.add(`${segments}${name}`)
  }
  return (key) => kept.has(key) || unread.some((segments) => key.startsWith(segments))
}

/** Undefined where the index is damaged: a full recompute makes another, and this one's sweep must not come before it. */
async function segmentsOf(
  objects: ExpirePorts['objects'],
  entry: BatchEntry,
): Promise<readonly string[] | undefined> {
  try {
    const { chunks } = await readBatchIndex(objects, entry)
    return chunks.flatMap(({ segments }) => segments.map(({ name }) => name))
  } catch (error) {
    if (error instanceof PortError && error.code === 'CORRUPT') return undefined
    throw error
  }
}

function runsPrefix({ stream }: RunStep): string {
  return `${batchPrefix(stream)}runs/`
}
