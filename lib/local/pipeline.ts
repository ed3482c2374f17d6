import { mkdir } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import type { EventLog } from '../ports/event-log.ts'
import type { BatchFigures } from '../ports/metrics.ts'
import type { Ports } from '../ports/ports.ts'
import type { Publisher } from '../ports/publisher.ts'
import { settleEpochMs } from '../state/epoch-length.ts'
import { recordGaps } from '../state/fencings.ts'
import type { Stream } from '../stream/define.ts'
import { topicName } from '../stream/topic.ts'
import { openBackends, openKafka, prepareServers } from './backends.ts'
import { type DataFolder, dataFolder } from './data-folder.ts'
import { EncodedBatches } from './encoded-batches.ts'
import { localEpochMs } from './epoch.ts'
import { FileLog } from './file-log.ts'
import { noteGrowth } from './growth.ts'
import { Host, hostSocketPath } from './host.ts'
import { LogEnds } from './log-ends.ts'
import { checkLogReaches } from './log-reach.ts'
import { type Delivery, type MappedStage, Mapping } from './mapping.ts'
import type { ServerEnv } from './servers.ts'
import { systemClock } from './system-clock.ts'
import { messageOf, tellOnce } from './trouble.ts'
import { WorkerProcess } from './worker-process.ts'

/** As the deployed mappings, with windows short enough to watch. Lambda takes at most 10,000 records an event. */
const STAGES: readonly { stage: MappedStage; workers: number; windowMs: number; batchRecordsMax: number }[] =
  [
    { stage: 'score', workers: 2, windowMs: 0, batchRecordsMax: 10_000 },
    { stage: 'archive', workers: 2, windowMs: 2_000, batchRecordsMax: 10_000 },
    { stage: 'count', workers: 2, windowMs: 250, batchRecordsMax: 10_000 },
    { stage: 'notify', workers: 1, windowMs: 0, batchRecordsMax: 10_000 },
  ]

/**
 * The log's bytes pass through this process outside V8's heap, and V8 answers their number with a full collection of a
 * heap of 20 MB every few milliseconds: a third of the process's time. Let the heap grow further before each.
 */
const HEAP_GROWING_PERCENT = 1500

const TIMEOUT_MS = 60_000
/** Of several streams those that nothing happens in give their memory back. */
const IDLE_MS = 120_000
const TRIM_EVERY_MS = 10_000
/** How soon partitions that were added are served. */
const GROWTH_EVERY_MS = 2_000
/** Records of a raw partition that stay in the log after they are in the master, to be read again at will. */
const RAW_KEPT_RECORDS = 5_000_000

export interface PipelineOptions {
  readonly data: string
  readonly site: string
  readonly streams: readonly Stream[]
  /** What is not embedded but on servers, from `serverEnv`. */
  readonly servers?: ServerEnv
  /** Where workers' frames go; the server of `weir dev`, or nowhere. */
  readonly publisher: Publisher
  /** Further environment of the workers. */
  readonly env?: Readonly<Record<string, string>>
  readonly onFigures?: (batch: BatchFigures) => void
  readonly onDelivery?: (stream: string, delivery: Delivery) => void
  /** Told once of each thing that fails beside the deliveries; it is tried again. */
  readonly onTrouble?: (message: string) => void
}

/** What runs for one stream. */
export interface StreamPipeline {
  readonly stream: Stream
  /** That are served now: its topics may grow, at any time, beyond what the stream declares. */
  readonly partitions: number
  readonly mappings: Readonly<Record<MappedStage, Mapping>>
  readonly workers: readonly WorkerProcess[]
}

/**
 * The whole of Weir on one machine: this process owns the log, or asks a Kafka cluster, and polls it; functions run in
 * worker processes. Killing this process or any worker at any moment loses and doubles nothing.
 */
export class Pipeline {
  readonly folder: DataFolder
  readonly ports: Ports
  readonly streams: readonly StreamPipeline[]
  /** What every worker process of this pipeline needs to find it. */
  readonly workerEnv: Readonly<Record<string, string>>
  /** The log where it is embedded: it says itself when it has grown, and is trimmed. */
  readonly #fileLog: FileLog | undefined
  /** Where the log is on a server: asks it. */
  readonly #ends: LogEnds | undefined
  readonly #tell: (message: string) => void
  #stopping = false
  #trimming: NodeJS.Timeout | undefined
  #growing: NodeJS.Timeout | undefined
  #looking: Promise<boolean> = Promise.resolve(false)

  private constructor(
    folder: DataFolder,
    ports: Ports,
    streams: readonly StreamPipeline[],
    workerEnv: Readonly<Record<string, string>>,
    fileLog: FileLog | undefined,
    tell: (message: string) => void,
  ) {
    this.folder = folder
    this.ports = ports
    this.streams = streams
    this.workerEnv = workerEnv
    this.#fileLog = fileLog
    this.#tell = tell
    const onTrouble = (error: unknown) => tell(messageOf(error))
    const onEnd = (topic: string, partition: number, end: number) => this.#noteEnd(topic, partition, end)
    const topics = () =>
      streams.flatMap(({ stream, partitions }) =>
        (['raw', 'enriched'] as const).map((kind) => ({ topic: topicName(stream.name, kind), partitions })),
      )
    if (fileLog === undefined)
      this.#ends = new LogEnds({ log: ports.log, clock: systemClock, topics, onEnd, onTrouble })
  }

  /** Opens the data folder for this process alone: PortError LOCKED where another one has it. */
  static async open(options: PipelineOptions): Promise<Pipeline> {
    setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
    const folder = dataFolder(options.data)
    await mkdir(folder.dir, { recursive: true })
    const servers = options.servers ?? {}
    await prepareServers(servers)
    const kafka = await openKafka(servers)
    const fileLog =
      kafka === undefined ? await FileLog.open({ dir: folder.logDir, clock: systemClock }) : undefined
    const log = kafka ?? (fileLog as EventLog)
    const { keyed, objects } = await openBackends(folder, servers)
    const epochMs = await localEpochMs(keyed, { ...process.env, ...options.env })
    await settleEpochMs(keyed, epochMs)
    const onMetrics = options.onFigures ?? (() => undefined)
    const { publisher, site } = options
    const socketPath = hostSocketPath(folder.dir)
    const host = await Host.listen({ socketPath, log, publisher, onMetrics })
    const close = async () => {
      await host.close()
      await log.close()
      await keyed.close()
      await objects.close()
    }
    const metrics = { record: onMetrics }
    const stores = { keyed, objects }
    const ports: Ports = { site, epochMs, log, ...stores, publisher, metrics, clock: systemClock, close }
    const names = { WEIR_DATA: folder.dir, WEIR_HOST: socketPath, WEIR_SITE: site }
    const own = { ...names, WEIR_EPOCH_MS: String(epochMs) }
    const workerEnv = { ...options.env, ...servers, ...own }
    const batches = new EncodedBatches(log)
    const tell = tellOnce(options.onTrouble ?? (() => undefined))
    const streams: StreamPipeline[] = []
    try {
      for (const stream of options.streams)
        streams.push(await openStream(stream, options, ports, workerEnv, batches, tell))
    } catch (error) {
      await close()
      throw error
    }
    const pipeline = new Pipeline(folder, ports, streams, workerEnv, fileLog, tell)
    fileLog?.onAppend((topic, partition, batch) => {
      batches.add(topic, partition, batch)
      pipeline.#noteEnd(topic, partition, batch.baseOffset + batch.records.count)
    })
    return pipeline
  }

  start(): void {
    for (const { mappings, workers } of this.streams) {
      for (const mapping of Object.values(mappings)) mapping.start()
      // Of one stream they are ready before the first batch; of many, those that are needed start with theirs.
      if (this.streams.length > 1) continue
      for (const worker of workers) worker.start().catch((error: unknown) => this.#failed(error))
    }
    this.#ends?.start()
    const look = () => void this.#noteGrowth().catch((error: unknown) => this.#failed(error))
    this.#growing = setInterval(look, GROWTH_EVERY_MS)
    this.#growing.unref()
    if (this.#fileLog === undefined) return
    const trim = () => void this.#trim().catch((error: unknown) => this.#failed(error, 'trimming the log: '))
    this.#trimming = setInterval(trim, TRIM_EVERY_MS)
    this.#trimming.unref()
  }

  #failed(error: unknown, what = ''): void {
    if (!this.#stopping) this.#tell(`${what}${messageOf(error)}`)
  }

  /** What runs for a stream. Throws where it is not part of this pipeline. */
  of(stream: string): StreamPipeline {
    const found = this.streams.find((one) => one.stream.name === stream)
    if (found === undefined) throw new Error(`stream ${stream} does not run here`)
    return found
  }

  /**
   * Resolves once everything appended so far has been scored and every stage has taken in what score wrote. Windows are
   * not waited out meanwhile. Rejects when `signal` aborts.
   */
  async drained(stream: string, signal?: AbortSignal): Promise<void> {
    const { mappings } = this.of(stream)
    const all = Object.values(mappings)
    for (const mapping of all) mapping.flushing = true
    try {
      do {
        // Score first: what it appends is in the other mappings' ends before it is out of its own lag.
        while (await this.#lags(stream, mappings, signal)) await systemClock.sleep(10, signal)
      } while (await this.#noteGrowth().catch(() => systemClock.sleep(500, signal).then(() => true)))
    } finally {
      for (const mapping of all) mapping.flushing = false
    }
  }

  /** Ends at once, in any state: what is under way comes again at the next start. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#trimming)
    clearInterval(this.#growing)
    await this.#ends?.stop()
    const mappings = this.streams.flatMap((one) => Object.values(one.mappings))
    const workers = this.streams.flatMap((one) => one.workers)
    await Promise.all([...mappings, ...workers].map((one) => one.stop()))
    await this.ports.close()
  }

  /** The ends of a log on a server are asked for anew: raw first, enriched once all of raw is scored. */
  async #lags(
    stream: string,
    mappings: StreamPipeline['mappings'],
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const refresh = async (kind: 'raw' | 'enriched') =>
      void (await this.#ends?.refresh(topicName(stream, kind)).catch(() => systemClock.sleep(500, signal)))
    await refresh('raw')
    if (mappings.score.lag > 0) return true
    await refresh('enriched')
    return Object.values(mappings).some(({ lag }) => lag > 0)
  }

  /** One look at a time: resolves with true where any stream had grown. */
  #noteGrowth(): Promise<boolean> {
    this.#looking = this.#looking
      .catch(() => false)
      .then(async () => {
        let grown = false
        for (const { stream, mappings } of this.#stopping ? [] : this.streams)
          if (await noteGrowth(this.ports.log, stream.name, mappings)) grown = true
        return grown
      })
    return this.#looking
  }

  #noteEnd(topic: string, partition: number, end: number): void {
    for (const { stream, mappings } of this.streams) {
      if (topic === topicName(stream.name, 'raw')) mappings.score.noteEnd(partition, end)
      if (topic !== topicName(stream.name, 'enriched')) continue
      mappings.archive.noteEnd(partition, end)
      mappings.count.noteEnd(partition, end)
      mappings.notify.noteEnd(partition, end)
    }
  }

  /** The log is a buffer, the master is the memory: segments that every reader has passed are let go. */
  async #trim(): Promise<void> {
    const log = this.#fileLog
    if (log === undefined) return
    for (const { stream, partitions, mappings } of this.streams) {
      const { archive, count, notify, score } = mappings
      for (let partition = 0; partition < partitions; partition++) {
        const at = (mapping: Mapping) => mapping.positions[partition] ?? 0
        const passed = Math.min(at(archive), at(count), at(notify))
        await log.trim(topicName(stream.name, 'enriched'), partition, passed)
        if (passed < at(score)) continue
        await log.trim(topicName(stream.name, 'raw'), partition, Math.max(0, at(score) - RAW_KEPT_RECORDS))
      }
    }
  }
}

async function openStream(
  stream: Stream,
  options: PipelineOptions,
  ports: Ports,
  workerEnv: Readonly<Record<string, string>>,
  batches: EncodedBatches,
  tell: (message: string) => void,
): Promise<StreamPipeline> {
  const { log, keyed, clock } = ports
  // Enriched before raw: score refuses a partition that has no twin.
  const enriched = topicName(stream.name, 'enriched')
  await log.createTopic(enriched, stream.partitions)
  const { partitions } = await log.createTopic(topicName(stream.name, 'raw'), stream.partitions)
  // Raw may have been grown alone, and by more than the stream declares.
  await log.createTopic(enriched, partitions)
  await recordGaps(ports, topicName(stream.name, 'raw'))
  for (const { topic, partition, from, to } of await checkLogReaches(ports, stream, partitions))
    tell(
      `${topic}/${partition}: the entries of ${from} to ${to - 1} were lost before anyone read them; they are scored again`,
    )
  // Enriched may have been grown alone: it is read as far as raw has twins.
  const workers: WorkerProcess[] = []
  const mappings: Partial<Record<MappedStage, Mapping>> = {}
  const env = { ...workerEnv, WEIR_STREAM: stream.name }
  for (const { stage, workers: count, windowMs, batchRecordsMax } of STAGES) {
    const own = Array.from({ length: count }, (_, i) => {
      const id = `${stream.name}-${stage}-${i}`
      const rest = options.streams.length > 1 ? { idleMs: IDLE_MS } : {}
      return new WorkerProcess({
        id,
        functionName: stage,
        env,
        timeoutMs: TIMEOUT_MS,
        stream: stream.name,
        ...rest,
      })
    })
    workers.push(...own)
    mappings[stage] = await Mapping.open({
      name: stage,
      topic: topicName(stream.name, stage === 'score' ? 'raw' : 'enriched'),
      partitions,
      workers: own,
      windowMs,
      batchRecordsMax,
      log,
      batches,
      keyed,
      clock,
      onDelivery: (delivery) => options.onDelivery?.(stream.name, delivery),
    })
  }
  const all = mappings as Record<MappedStage, Mapping>
  return {
    ...{ stream, workers, mappings: all },
    get partitions() {
      return all.score.partitions
    },
  }
}
