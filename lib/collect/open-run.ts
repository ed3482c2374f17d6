import { PortError } from '../ports/errors.ts'
import type { Ports } from '../ports/ports.ts'
import { checkedTopic } from '../state/topics.ts'
import type { Stream } from '../stream/define.ts'
import type { Framing } from '../stream/format.ts'
import { topicName } from '../stream/topic.ts'
import { shuffled } from './generate.ts'
import { nothingLanded, readTail } from './landed.ts'
import { RunError } from './run-error.ts'
import { RunFence } from './run-fence.ts'
import { NO_FLOOR, planText, type RunPlan, type RunRecord, type RunSource } from './run-record.ts'
import type { RunStore } from './run-store.ts'
import type { Source } from './source.ts'
import { expandSources, openSource, requireUnchanged } from './sources.ts'

export interface OpenRun {
  readonly run: RunRecord
  /** In the order in which they are read; one where they are shuffled. */
  readonly sources: readonly Source[]
  /** Raised before the tails were read. */
  readonly fence: RunFence
  /** True where an earlier process had begun it. */
  readonly resumed: boolean
}

export interface OpenRunRequest {
  readonly ports: Ports
  readonly stream: Stream
  readonly plan: RunPlan
  /** Paths and patterns, or sources made in code, which no other process can open again. */
  readonly sources: readonly string[] | readonly Source[]
  readonly runId?: string
  readonly store: RunStore
}

/**
 * The run that a request means. With `runId`: that run, begun now where there is none. Without: the plan's unfinished
 * run, and where there is none, or its sources cannot be read twice, a new one.
 */
export async function openRun(request: OpenRunRequest): Promise<OpenRun> {
  const { store, plan, runId } = request
  const found = runId === undefined ? await store.newestOf(plan) : await store.load(runId)
  if (found !== undefined && planText(found.plan) !== planText(plan))
    throw new RunError(
      `run ${found.runId} was begun with other sources or options; give those, or another --run-id`,
    )
  if (found?.state === 'finished' && runId !== undefined)
    return { run: found, sources: [], fence: fenceOf(request, found), resumed: true }
  if (found?.state === 'running') {
    const sources = await reopened(request, found.runId)
    if (runId !== undefined || sources.every(({ repeatable }) => repeatable))
      return resume(request, found, sources)
  }
  return begin(request, runId ?? store.nextId(plan, found))
}

async function begin(request: OpenRunRequest, runId: string): Promise<OpenRun> {
  const { ports, plan, stream, store } = request
  const sources = await openedSources(request)
  const recorded: RunSource[] = []
  for (const source of sources) {
    const fingerprint = await source.fingerprint?.()
    recorded.push({ name: source.name, ...(fingerprint && { fingerprint }) })
  }
  const topic = topicName(stream.name, 'raw')
  const info = await ensureTopics(ports, stream, topic)
  const startOffsets: number[] = []
  for (let p = 0; p < info.partitions; p++) startOffsets.push((await ports.log.offsets(topic, p)).end)
  const run: RunRecord = {
    runId,
    plan,
    state: 'running',
    topic,
    topicId: info.id,
    startedMs: ports.clock.nowMs(),
    startOffsets,
    landed: startOffsets.map(nothingLanded),
    floor: NO_FLOOR,
  }
  await store.create(run, recorded)
  const fence = fenceOf(request, run)
  await raised(fence, ports)
  return { fence, run, sources: arranged(plan, sources), resumed: false }
}

/** Takes an unfinished run over: what has landed since its last checkpoint is found in the log. */
async function resume(
  request: OpenRunRequest,
  found: RunRecord,
  sources: readonly Source[],
): Promise<OpenRun> {
  const { ports, plan, store } = request
  const info = await checkedTopic(ports, found.topic)
  if (info.id !== found.topicId || info.partitions < found.landed.length)
    throw new RunError(
      `run ${found.runId}: topic ${found.topic} is not the one it began with; start a new run`,
    )
  store.requireFree(found)
  // Written first: from here on an older process at this run cannot checkpoint any more.
  await store.save(found, 'hold')
  const fence = fenceOf(request, found)
  await raised(fence, ports)
  let run = found
  const ends = await Promise.all(found.landed.map((_, p) => ports.log.offsets(found.topic, p)))
  const shrunk = found.landed.some(({ nextOffset }, p) => nextOffset > (ends[p]?.end ?? 0))
  // A log that lost acknowledged records (a power cut) is read again from where the run began.
  if (shrunk && plan.live === true) throw logShrank(found.runId)
  if (shrunk) run = { ...found, landed: found.startOffsets.map(nothingLanded), floor: NO_FLOOR }
  const landed = []
  for (const [p, known] of run.landed.entries()) {
    // It may be stopped for longer than the log is kept. Where it ended in order, nothing of it can lie above.
    const ended = plan.live === true && run.settled === true
    const nextOffset = ended ? Math.max(known.nextOffset, ends[p]?.start ?? 0) : known.nextOffset
    landed.push(await readTail(ports.log, run.topic, p, run.runId, { ...known, nextOffset }))
  }
  run = { ...run, landed }
  await store.save(run, 'hold')
  return { fence, run, sources: arranged(plan, sources), resumed: true }
}

const RAISES_MAX = 5
const BACKOFF_MS = 250

/** A broker that is being started, or is busy, does not end a run that is about to go on. */
async function raised(fence: RunFence, { clock }: Pick<Ports, 'clock'>): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await fence.current()
      return
    } catch (error) {
      if (!(error instanceof PortError && error.curable) || attempt === RAISES_MAX) throw error
      await clock.sleep(BACKOFF_MS * 2 ** attempt)
    }
}

function fenceOf({ ports, stream, store }: OpenRunRequest, { runId, topic }: RunRecord): RunFence {
  // Runs of different streams may have the same id: a name that both raised would lock either out.
  const name = `weir/${ports.site}/${stream.name}/${runId}`
  return new RunFence({ ports, topic, name, requireHeld: () => store.requireHeld(runId) })
}

/** The sources of an earlier process's run. Throws a SourceError where one of them has changed. */
async function reopened(request: OpenRunRequest, runId: string): Promise<readonly Source[]> {
  if (isCoded(request.sources)) return request.sources
  if (request.plan.live === true) return []
  const recorded = await request.store.sources(runId)
  for (const { name, fingerprint } of recorded)
    if (fingerprint !== undefined) await requireUnchanged(name, fingerprint)
  return openAll(
    recorded.map(({ name }) => name),
    request.stream.framing,
  )
}

/** Sources that go on for ever find themselves what there is to read. */
async function openedSources({ plan, sources, stream }: OpenRunRequest): Promise<readonly Source[]> {
  if (plan.live === true) return []
  return isCoded(sources) ? sources : openAll(await expandSources(sources), stream.framing)
}

async function openAll(paths: readonly string[], framing: Framing): Promise<readonly Source[]> {
  const sources: Source[] = []
  for (const path of paths) sources.push(await openSource(path, framing))
  return sources
}

function logShrank(runId: string): RunError {
  return new RunError(
    `run ${runId}: the log holds less than it had acknowledged, as after a power cut. What is gone from it is known by ` +
      'position only. Start anew with a --run-id of your own to read again what the sources still hold',
  )
}

function arranged({ shuffleSeed }: RunPlan, sources: readonly Source[]): readonly Source[] {
  return shuffleSeed === undefined ? sources : [shuffled(sources, shuffleSeed)]
}

function isCoded(sources: readonly string[] | readonly Source[]): sources is readonly Source[] {
  return typeof sources[0] === 'object'
}

/** The enriched topic first: no record may be in raw that its twin has no partition for (docs/exactness.md, rule 1). */
async function ensureTopics(ports: Ports, stream: Stream, raw: string) {
  if ((await ports.log.describeTopic(raw)) === undefined) {
    await ports.log.createTopic(topicName(stream.name, 'enriched'), stream.partitions)
    await ports.log.createTopic(raw, stream.partitions)
  }
  return checkedTopic(ports, raw)
}
