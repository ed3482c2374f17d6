import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { Cluster } from '../../../lib/aws/kafka/cluster.ts'
import { makeBucket, makeTable } from '../../../lib/aws/make-stores.ts'
import { openPorts } from '../../../lib/aws/ports.ts'
import { type RunResult, startRun } from '../../../lib/collect/run.ts'
import { trainDemoModel } from '../../../lib/local/demo-model.ts'
import { EncodedBatches } from '../../../lib/local/encoded-batches.ts'
import { noteGrowth } from '../../../lib/local/growth.ts'
import { LogEnds } from '../../../lib/local/log-ends.ts'
import { type MappedStage, Mapping } from '../../../lib/local/mapping.ts'
import { systemClock } from '../../../lib/local/system-clock.ts'
import { manifestTotal } from '../../../lib/master/manifest.ts'
import { readManifests } from '../../../lib/master/manifest-store.ts'
import type { Ports } from '../../../lib/ports/ports.ts'
import { listAlerts } from '../../../lib/serve/alerts.ts'
import { queryView, viewNamed } from '../../../lib/serve/query.ts'
import { verifyStream } from '../../../lib/serve/verify.ts'
import { topicName } from '../../../lib/stream/topic.ts'
import { streamNamed, streams } from '../../../streams/index.ts'
import { MemoryKeyed } from '../../support/memory-keyed.ts'
import { labelCounts } from '../network-lines.ts'
import { KEYS, type RunningConnections, startConnections } from '../servers/connections.ts'
import { BundleProcess } from './bundle-process.ts'
import { bundledFunctions } from './bundled.ts'
import { grouped, type Seen, seenInLog } from './seen.ts'
import { filledIn, templateVariables } from './template-env.ts'

export const STAGES = ['score', 'count', 'archive', 'notify'] as const

/** Where a world's servers are: proxies, where faults are to be made. */
export interface Servers {
  readonly brokers: string
  readonly dynamodb: string
  readonly s3: string
  /** For what the test itself reads and feeds; as above where left out. */
  readonly direct?: { readonly dynamodb: string; readonly s3: string }
}

export interface WorldOptions {
  /** Further environment of the bundles, e.g. a shorter timeout. */
  readonly env?: Readonly<Record<string, string>>
  /** By function. */
  readonly timeoutMs?: Readonly<Record<string, number>>
  readonly zombies?: boolean
  readonly scoreBatchRecords?: number
  readonly model?: boolean
}

/** The network stream as it would be deployed: bundles in bare processes, fed from Kafka, on servers of this test. */
export class World {
  readonly stream = streamNamed('network')
  readonly ports: Ports
  readonly bundles: Readonly<Record<MappedStage, BundleProcess[]>>
  /** API Gateway's WebSocket side, which runs the socket function. */
  readonly connections: RunningConnections
  readonly errors: string[] = []
  /** What a test has counted itself, for people to read. */
  readonly notes: string[] = []
  readonly #dir: string
  readonly #options: WorldOptions
  readonly #pollers: Poller[] = []
  readonly #env: Made['env']
  readonly #portsWith: Made['portsWith']
  readonly #brokers: string
  /** Of the functions that no mapping feeds. */
  readonly #others = new Map<string, BundleProcess>()
  #feeds = 0

  private constructor(dir: string, ports: Ports, options: WorldOptions, world: Made) {
    this.#dir = dir
    this.ports = ports
    this.#options = options
    this.connections = world.connections
    this.#env = world.env
    this.#portsWith = world.portsWith
    this.#brokers = world.brokers
    const open = (stage: MappedStage) => [this.newBundle(stage)]
    this.bundles = {
      score: open('score'),
      count: open('count'),
      archive: open('archive'),
      notify: open('notify'),
    }
  }

  static async open(servers: Servers, options: WorldOptions = {}): Promise<World> {
    const dir = await mkdtemp(join(tmpdir(), 'weir-world-'))
    const id = randomUUID()
    const variables = templateVariables('network')
    const answering: { world?: World } = {}
    const connections = await startConnections(async (event) => answering.world?.run('socket', event))
    const values: Record<string, string> = {
      WEIR_SITE: 'real',
      WEIR_TABLE: id,
      WEIR_BUCKET: id,
      WEIR_WS_ENDPOINT: connections.endpoint,
      WEIR_BROKERS: servers.brokers,
      WEIR_KAFKA_AUTH: 'none',
    }
    // What Lambda sets itself, and the endpoints that stand in for AWS.
    const around = {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    }
    const env = (name: string): Record<string, string> => ({
      ...filledIn(variables.get(name) ?? {}, values),
      ...around,
      AWS_LAMBDA_FUNCTION_NAME: `weir-network-${name}`,
      WEIR_DYNAMODB_ENDPOINT: servers.dynamodb,
      WEIR_S3_ENDPOINT: servers.s3,
      ...options.env,
    })
    const { dynamodb, s3 } = servers.direct ?? servers
    const server = { region: 'us-east-1', credentials: async () => KEYS, timeoutMs: 10_000 }
    await makeTable({ ...server, endpoint: dynamodb }, id)
    await makeBucket({ ...server, endpoint: s3 }, id)
    // Not a function: brokers know it by another name.
    const { AWS_LAMBDA_FUNCTION_NAME: _, ...variablesOfScore } = env('score')
    const own = { ...variablesOfScore, WEIR_DYNAMODB_ENDPOINT: dynamodb, WEIR_S3_ENDPOINT: s3 }
    const portsWith = (more: Readonly<Record<string, string>>) => openPorts({ ...own, ...values, ...more })
    const ports = portsWith(options.env ?? {})
    const world = new World(dir, ports, options, { connections, env, portsWith, brokers: servers.brokers })
    answering.world = world
    const stream = world.stream
    await ports.log.createTopic(topicName(stream.name, 'enriched'), stream.partitions)
    await ports.log.createTopic(topicName(stream.name, 'raw'), stream.partitions)
    if (options.model !== false) await trainDemoModel(ports, stream)
    return world
  }

  /** A process of one function, as another environment of it. */
  newBundle(name: string): BundleProcess {
    const bundled = bundledFunctions().get(name)
    if (bundled === undefined) throw new Error(`there is no function ${name}`)
    const timeoutMs = this.#options.timeoutMs?.[name]
    return new BundleProcess({
      file: bundled.file,
      env: this.#env(name),
      zombies: this.#options.zombies === true,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
  }

  /** Runs a function that no mapping feeds, in its one process. Rejects as the function does. */
  run(name: string, event: object): Promise<unknown> {
    const bundle = this.process(name)
    return bundle.invoke([Buffer.from(JSON.stringify(event))])
  }

  /** The process that runs a function; the first, where it has several. */
  process(name: string): BundleProcess {
    const stage = STAGES.find((one) => one === name)
    const known = stage === undefined ? this.#others.get(name) : this.bundles[stage][0]
    const process = known ?? this.newBundle(name)
    if (stage === undefined) this.#others.set(name, process)
    return process
  }

  /** How long a bundle takes to import, the least of three processes. */
  async importMs(name: string): Promise<number> {
    let least = Infinity
    for (let i = 0; i < 3; i++) {
      const bundle = this.newBundle(name)
      await bundle.start()
      least = Math.min(least, bundle.importMs ?? Infinity)
      await bundle.stop()
    }
    return least
  }

  /**
   * Starts the pollers of all four functions, which find added partitions by themselves; a second call starts a second
   * set, with offsets of its own.
   */
  async poll(bundles: Readonly<Record<MappedStage, BundleProcess[]>> = this.bundles): Promise<void> {
    const { log } = this.ports
    const keyed = new MemoryKeyed()
    const batches = new EncodedBatches(log)
    const raw = topicName(this.stream.name, 'raw')
    const { partitions = 0 } = (await log.describeTopic(raw)) ?? {}
    const open = (stage: MappedStage) =>
      Mapping.open({
        ...{ name: stage, partitions, workers: bundles[stage], windowMs: 0, log, batches, keyed },
        topic: stage === 'score' ? raw : topicName(this.stream.name, 'enriched'),
        batchRecordsMax: stage === 'score' ? (this.#options.scoreBatchRecords ?? 10_000) : 10_000,
        clock: systemClock,
        onDelivery: ({ error, failed }) => failed && this.errors.push(`${stage}: ${error ?? 'in part'}`),
      })
    const mappings = {
      score: await open('score'),
      count: await open('count'),
      archive: await open('archive'),
      notify: await open('notify'),
    }
    const topics = () =>
      (['raw', 'enriched'] as const).map((kind) => ({
        topic: topicName(this.stream.name, kind),
        partitions: mappings.score.partitions,
      }))
    const onEnd = (topic: string, partition: number, end: number) => {
      for (const mapping of Object.values(mappings))
        if ((mapping.name === 'score') === (topic === raw)) mapping.noteEnd(partition, end)
    }
    const onTrouble = (error: unknown) => void this.errors.push(String(error))
    const ends = new LogEnds({ log, clock: systemClock, topics, onEnd, onTrouble })
    ends.start()
    for (const mapping of Object.values(mappings)) mapping.start()
    const looking = new AbortController()
    const looks = this.#lookForGrowth(mappings, looking.signal)
    this.#pollers.push({
      mappings: Object.values(mappings),
      ends,
      async stop() {
        looking.abort()
        await looks
        await ends.stop()
        await Promise.all(Object.values(mappings).map((mapping) => mapping.stop()))
      },
    })
  }

  async #lookForGrowth(mappings: Record<MappedStage, Mapping>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // A broker that cannot be asked now is asked again.
      await noteGrowth(this.ports.log, this.stream.name, mappings).catch(() => undefined)
      await systemClock.sleep(1000, signal).catch(() => undefined)
    }
  }

  /** Stops the pollers as they are; functions in the middle of a batch go on. */
  async unpoll(): Promise<void> {
    for (const poller of this.#pollers.splice(0)) await poller.stop()
  }

  async feed(lines: readonly string[], more: { runId?: string; ratePerS?: number } = {}): Promise<RunResult> {
    const file = await this.write(lines)
    return startRun({ ports: this.ports, stream: this.stream, sources: [file], options: more })
  }

  /** A file of these lines. */
  async write(lines: readonly string[]): Promise<string> {
    const file = join(this.#dir, `feed-${++this.#feeds}.csv`)
    await writeFile(file, `${lines.join('\n')}\n`)
    return file
  }

  /** Another process's hands, as far as servers can tell: ports of its own. */
  collector(env: Readonly<Record<string, string>>) {
    const ports = this.#portsWith(env)
    return {
      feedFile: async (file: string, runId: string) => {
        try {
          return await startRun({ ports, stream: this.stream, sources: [file], options: { runId } })
        } finally {
          await ports.close()
        }
      },
    }
  }

  /** Lets another collector take the run over at once. */
  async forgetHolder(runId: string): Promise<void> {
    const { keyed } = this.ports
    const item = await keyed.get(`run/${this.stream.name}`, runId)
    if (item === undefined) throw new Error(`there is no run ${runId}`)
    const { holder: _, ...run } = JSON.parse(Buffer.from(item.data).toString())
    await keyed.put({ ...item, rev: `${item.rev}.forgotten`, data: Buffer.from(JSON.stringify(run)) }, 'any')
  }

  /** Partitions that each set of pollers serves. */
  get served(): readonly number[] {
    return this.#pollers.map(({ mappings }) => Math.min(...mappings.map(({ partitions }) => partitions)))
  }

  /** Resolves once every poller has delivered all there is and been answered. */
  async drained(timeoutMs = 90_000): Promise<void> {
    const untilMs = Date.now() + timeoutMs
    const refresh = async () => {
      for (const { ends } of this.#pollers) await ends.refresh()
    }
    const lag = () => this.#pollers.flatMap(({ mappings }) => mappings).filter((one) => one.lag > 0)
    const quiet = async (): Promise<boolean> => {
      try {
        await refresh()
        if (lag().length > 0) return false
        await refresh()
        return lag().length === 0
      } catch {
        return false
      }
    }
    while (!(await quiet())) {
      if (Date.now() > untilMs) {
        const behind = lag().map(({ name, lag: records }) => `${name} ${records}`)
        const stderr = STAGES.flatMap((stage) => this.bundles[stage].map((one) => one.stderr.slice(-1500)))
        throw new Error(`not drained: ${behind.join(', ')}\n${this.errors.slice(-5)}\n${stderr.join('\n')}`)
      }
      await systemClock.sleep(100)
    }
  }

  /** Every record once in master and views, the labels counted as they are in the lines, every alert once in its log. */
  async expectExactly(lines: readonly string[]): Promise<{ readonly alerts: number }> {
    const report = await verifyStream(this.ports, this.stream)
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ exact: true, complete: true })
    expect(report.partitions.reduce((sum, { rows }) => sum + rows, 0)).toBe(lines.length)
    expect(report.partitions.reduce((sum, { lost }) => sum + lost, 0)).toBe(0)
    const view = viewNamed(streams, 'network.byLabel')
    const { rows } = await queryView(this.ports, view, { layer: 'merged' }, Date.now())
    const counts: Record<string, number> = {}
    for (const { key, count } of rows) counts[key] = (counts[key] ?? 0) + Number(count)
    expect(counts).toEqual(labelCounts(lines))
    const { alerts } = await listAlerts(this.ports, this.stream, { since: 'start', limit: 1_000_000 })
    const manifests = await readManifests(this.ports.objects, this.stream.name)
    const inMaster = manifests.reduce((sum, manifest) => sum + manifestTotal(manifest).alerts, 0)
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(alerts.length)
    expect(alerts.length).toBe(inMaster)
    return { alerts: alerts.length }
  }

  inLog(): Promise<Seen> {
    return seenInLog(this.ports, this.stream)
  }

  /** How often runs have been fenced: more than once each where appends failed. */
  async fencings(): Promise<number> {
    const { partitions = 1 } = (await this.ports.log.describeTopic(topicName(this.stream.name, 'raw'))) ?? {}
    return (await this.inLog()).fencedOffsets / partitions
  }

  /** The brokers that lead a topic's partitions now. */
  async leaders(topic: string): Promise<readonly number[]> {
    const settings = { brokers: this.#brokers.split(','), clientId: 'test', requestTimeoutMs: 1000 }
    const cluster = new Cluster(settings)
    try {
      return (await cluster.describe(topic))?.partitions.map(({ leader }) => leader) ?? []
    } finally {
      cluster.close()
    }
  }

  /** What happened besides, for people to read. */
  async seen(): Promise<string> {
    const { repeatedEntries, fencedOffsets, records } = await this.inLog()
    const processes = STAGES.flatMap((stage) => this.bundles[stage])
    const deaths = processes.reduce((sum, one) => sum + one.deaths, 0)
    const zombies = processes.reduce((sum, one) => sum + one.zombies.length, 0)
    const figures =
      `${records} records, ${repeatedEntries} entries more than records in enriched, ${fencedOffsets} offsets of raw ` +
      `taken by fencing, ${deaths} processes died, ${zombies} zombies, ${this.errors.length} deliveries or looks failed`
    return [figures, ...this.notes, ...grouped(this.errors)].join('\n    ')
  }

  async close(): Promise<void> {
    const stopping = this.unpoll()
    await this.connections.stop()
    const processes = [...Object.values(this.bundles).flat(), ...this.#others.values()]
    await Promise.all(processes.map((one) => one.stop()))
    await stopping
    await this.ports.close()
    await rm(this.#dir, { recursive: true, force: true })
  }
}

interface Poller {
  readonly mappings: readonly Mapping[]
  readonly ends: LogEnds
  stop(): Promise<void>
}

interface Made {
  readonly brokers: string
  readonly connections: RunningConnections
  readonly env: (name: string) => Record<string, string>
  readonly portsWith: (more: Readonly<Record<string, string>>) => Ports
}
