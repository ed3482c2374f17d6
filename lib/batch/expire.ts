import type { Ports } from '../ports/ports.ts'
import { recordExpired } from '../state/batch-expired.ts'
import { batchPrefix } from '../state/batch-index.ts'
import { type BatchPointer, readBatchPointer } from '../state/batch-pointer.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import { keepLease, RunLostError, releaseLease } from '../state/batch-run.ts'
import { forgetSuperseded, readSuperseded } from '../state/batch-superseded.ts'
import { expireBoards } from '../state/expire-boards.ts'
import { UNSWEPT_MS } from './put-segment.ts'
import { partialsPrefix, type RunStep, runPrefix } from './run-plan.ts'

export interface ExpireOptions {
  /** How long after a swap queries may still go by what it replaced: longer than every cache and query. */
  readonly graceMs: number
  readonly leaseMs: number
  /** Stops there; the next run goes on. */
  readonly untilMs: number
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
  const boards = pointer === undefined ? 0 : await boardsBefore(ports, step, pointers, pointer, options)
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

/** Segments, indexes, partials and other runs' notes that nothing refers to and that are too old to be about to be used. */
async function sweepObjects(
  ports: ExpirePorts,
  step: RunStep,
  pointers: readonly BatchPointer[],
  { leaseMs, untilMs, graceMs }: ExpireOptions,
): Promise<number> {
  const kept = await referred(ports, pointers)
  const { clock, objects } = ports
  const old = clock.nowMs() - Math.max(UNSWEPT_MS, graceMs)
  const doneMs = clock.nowMs() - graceMs
  let swept = 0
  for await (const { key, modifiedMs } of objects.list(batchPrefix(step.stream))) {
    if (clock.nowMs() >= untilMs) break
    const scratch = key.startsWith(partialsPrefix(step.stream)) || key.startsWith(runsPrefix(step))
    if (kept.has(key) || modifiedMs >= (scratch ? doneMs : old) || key.startsWith(runPrefix(step))) continue
    // Only while no other run can be about to use what lies here.
    if (swept % 32 === 0) await keepLease(ports, step.stream, step.run, leaseMs)
    await objects.delete(key)
    swept++
  }
  return swept
}

async function referred(
  { objects }: ExpirePorts,
  pointers: readonly BatchPointer[],
): Promise<ReadonlySet<string>> {
  const kept = new Set<string>()
  for (const entry of pointers.flatMap(({ views }) => Object.values(views))) {
    if (kept.has(entry.index)) continue
    kept.add(entry.index)
    const segments = entry.index.replace(/indexes\/[^/]+$/, 'segments/')
    for (const chunk of (await readBatchIndex(objects, entry)).chunks)
      for (const { name } of chunk.segments) kept.add(`${segments}${name}`)
  }
  return kept
}

function runsPrefix({ stream }: RunStep): string {
  return `${batchPrefix(stream)}runs/`
}
