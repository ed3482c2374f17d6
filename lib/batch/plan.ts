import type { MasterFile } from '../master/manifest.ts'
import type { Ports } from '../ports/ports.ts'
import { type BatchCoverage, type CoveredPartition, keptFromMs } from '../state/batch-index.ts'
import { type BatchPointer, loadBatchPointer } from '../state/batch-pointer.ts'
import { RunLostError, readRunRecord, takeLease } from '../state/batch-run.ts'
import { coveredRetractions, retractionNotes } from '../state/covered-retractions.ts'
import { type Retraction, readRetractions } from '../state/retractions.ts'
import { mapAtOnce } from '../stream/at-once.ts'
import type { Stream } from '../stream/define.ts'
import { type Frontier, settleFrontier, type Waiting, waitForArchive } from './frontier.ts'
import { horizonOf } from './horizon.ts'
import { coveredPartition, listFiles, recordsBefore } from './master-files.ts'
import {
  type LateRecords,
  putNamed,
  type RunPlan,
  type RunStep,
  readPlan,
  settlePlan,
  shardObject,
  type ViewGroup,
} from './run-plan.ts'
import { type PartitionFiles, SHARDS_MAX, shardsOf } from './shards.ts'
import { type ViewMode, viewModes } from './view-modes.ts'

export interface PlanOptions {
  /** Every view from the first record on, even where what stands could be added to. */
  readonly full?: boolean
  /** Longer than clocks of brokers and of this machine differ, and than an append takes. */
  readonly slackMs: number
  readonly leaseMs: number
  /** Until when to wait for the master to catch up with the log. */
  readonly untilMs: number
  readonly onWait?: (waiting: Waiting) => void
}

type PlanPorts = Pick<Ports, 'log' | 'keyed' | 'objects' | 'clock' | 'epochMs'>

/**
 * Takes the lease and freezes what the run reads and builds (rule 7 of docs/exactness.md). The same run id gives the same
 * plan again, once it is made. Undefined where the run has ended already. Rejects with a RunRefusedError while another run has the
 * lease, with an ArchiveBehindError where the master does not catch up in time.
 */
export async function planRun(
  ports: PlanPorts,
  stream: Stream,
  step: RunStep,
  options: PlanOptions,
): Promise<RunPlan | undefined> {
  if ((await readRunRecord(ports.keyed, step.stream, step.run)) !== undefined) return undefined
  await takeLease(ports, step.stream, step.run, options.leaseMs)
  const stands = await readPlan(ports.objects, step)
  if (stands !== undefined) return stands
  const asked = await settleFrontier(ports, step, options.slackMs)
  const loaded = await loadBatchPointer(ports.keyed, step.stream)
  checkOrder(step, asked, loaded?.pointer)
  await waitForArchive(ports, step, asked, options)
  const { horizon, complete } = await horizonOf(ports.objects, step.stream, asked, options.slackMs)
  const frontier = { ...asked, horizon }
  checkOrder(step, frontier, loaded?.pointer)
  const retractions = await readRetractions(ports.keyed, step.stream)
  const { epochMs } = ports
  const modes = await viewModes(ports.objects, stream, loaded?.pointer, {
    full: options.full === true,
    epochMs,
  })
  const planner = new Planner(ports, step, frontier, retractions)
  const planned = await planner.groups(modes)
  return settlePlan(ports.objects, {
    form: 1,
    ...step,
    plannedMs: frontier.plannedMs,
    ...(loaded === undefined ? {} : { pointerRev: loaded.rev }),
    ...planned,
    ...(complete ? { complete: true as const } : {}),
    ...(options.full === true ? { apart: true as const } : {}),
    retractions: retractions.map(({ id }) => id),
  })
}

/** A horizon never goes back: a run that slept while another published has asked for ends that are too old. */
function checkOrder(
  { stream, run }: RunStep,
  { horizon }: Frontier,
  pointer: BatchPointer | undefined,
): void {
  if (pointer === undefined || horizon >= pointer.horizon) return
  throw new RunLostError(
    `${stream}: run ${run} covers epochs before ${horizon}, and run ${pointer.run} has published those before ` +
      `${pointer.horizon}: start a new run`,
  )
}

/** Modes whose views stand on the same records. */
interface Base {
  readonly covers: BatchCoverage | undefined
  readonly modes: ViewMode[]
}

class Planner {
  readonly #ports: PlanPorts
  readonly #step: RunStep
  readonly #frontier: Frontier
  readonly #retractions: readonly Retraction[]
  /** Files by partition from an offset on: bases need the same ones. */
  readonly #listed = new Map<string, Promise<readonly MasterFile[]>>()

  constructor(ports: PlanPorts, step: RunStep, frontier: Frontier, retractions: readonly Retraction[]) {
    this.#ports = ports
    this.#step = step
    this.#frontier = frontier
    this.#retractions = retractions
  }

  async groups(modes: readonly ViewMode[]): Promise<Pick<RunPlan, 'covers' | 'groups' | 'late'>> {
    const late: LateRecords[] = []
    const bases = new Map<string, Base>()
    for (const mode of modes) {
      const why = mode.why ?? (await this.#whyFull(mode, late))
      const { base } = mode
      const covers = why === undefined ? base?.covers : undefined
      const id = covers === undefined ? 'full' : JSON.stringify([covers.horizon, covers.partitions])
      const group = bases.get(id) ?? { covers, modes: [] }
      group.modes.push(why === undefined ? mode : { name: mode.name, view: mode.view, why })
      bases.set(id, group)
    }
    const { horizon, epochMs } = this.#frontier
    let partitions: readonly CoveredPartition[] = []
    const groups: ViewGroup[] = []
    const shardsMax = Math.max(1, Math.floor(SHARDS_MAX / bases.size))
    for (const base of bases.values()) {
      const files = await this.#partitionFiles(base.covers)
      partitions = files.map(({ at }) => at)
      if (base.covers?.horizon === horizon) continue
      groups.push(await this.#group(base, files, shardsMax))
    }
    const notes = retractionNotes(this.#retractions, { partitions })
    return { covers: { horizon, epochMs, partitions, ...notes }, groups, late }
  }

  /** Why a view that stands cannot be added to; undefined where it can. */
  async #whyFull({ base, view }: ViewMode, late: LateRecords[]): Promise<string | undefined> {
    if (base === undefined) return 'new'
    const { covers } = base
    if (base.keptFromMs > keptFromMs(view.definition, this.#frontier))
      return 'it is to keep days that had been left out'
    if (coveredRetractions(this.#retractions, covers) !== covers.retractions)
      return 'a retraction of records in it was recorded or withdrawn'
    const found = await this.#lateRecords(covers)
    const known = new Set(late.map(({ topic, partition }) => `${topic} ${partition}`))
    late.push(...found.filter(({ topic, partition }) => !known.has(`${topic} ${partition}`)))
    return found.length > 0 ? 'records of epochs it covers were appended after it was planned' : undefined
  }

  /** Records that lie behind the ends of a coverage and belong before its horizon: a clock has stepped back. */
  async #lateRecords(covers: BatchCoverage): Promise<readonly LateRecords[]> {
    const found: LateRecords[] = []
    for (const at of this.#frontier.partitions) {
      const before = coveredBefore(covers, at)
      const files = await this.#files(at, before.beyond)
      const range = { from: before.end, end: at.end }
      const records = await recordsBefore(this.#ports.objects, files, range, covers)
      if (records > 0) found.push({ topic: at.topic, partition: at.partition, records })
    }
    return found
  }

  #partitionFiles(covers: BatchCoverage | undefined): Promise<readonly PartitionFiles[]> {
    return Promise.all(
      this.#frontier.partitions.map(async (end) => {
        const before = coveredBefore(covers, end)
        const files = await this.#files(end, before.beyond)
        const at = await coveredPartition(this.#ports.objects, end, files, before, this.#frontier)
        return { at, files }
      }),
    )
  }

  #files(
    end: { readonly topic: string; readonly partition: number; readonly end: number },
    from: number,
  ): Promise<readonly MasterFile[]> {
    const id = `${end.topic} ${end.partition} ${from}`
    const listed = this.#listed.get(id) ?? listFiles(this.#ports.objects, this.#step.stream, end, from)
    this.#listed.set(id, listed)
    return listed
  }

  async #group(
    { covers, modes }: Base,
    files: readonly PartitionFiles[],
    shardsMax: number,
  ): Promise<ViewGroup> {
    const { horizon, epochMs } = this.#frontier
    const range = { epochMs, from: covers?.horizon, to: horizon }
    const { shards, records } = shardsOf(files, range, this.#retractions, { shardsMax })
    const names = await mapAtOnce(shards, async (shard) => {
      const { name, key, bytes } = shardObject(this.#step, shard)
      await putNamed(this.#ports.objects, key, bytes)
      return name
    })
    const views = modes.map(({ name, view, base, why }) => ({
      name,
      version: view.version,
      definition: view.definition,
      ...(base === undefined ? {} : { base: base.entry }),
      ...(why === undefined ? {} : { why }),
    }))
    return { views, ...(covers === undefined ? {} : { from: covers.horizon }), shards: names, records }
  }
}

/** What a coverage says of a partition; of one that it does not know, that none of it is covered. */
function coveredBefore(
  covers: BatchCoverage | undefined,
  at: { readonly topic: string; readonly partition: number },
): CoveredPartition {
  const found = covers?.partitions.find(
    ({ topic, partition }) => topic === at.topic && partition === at.partition,
  )
  return found ?? { topic: at.topic, partition: at.partition, end: 0, below: 0, beyond: 0 }
}
