import { Construct } from 'constructs'
import type { Stream } from '../stream/define.ts'
import type { KafkaCluster } from './cluster.ts'
import { CollectPolicy } from './collect-policy.ts'
import type { CodeOf } from './function-code.ts'
import { KafkaMapping } from './kafka-mapping.ts'
import { appendRights } from './kafka-rights.ts'
import type { Master } from './master.ts'
import { acknowledge } from './nag.ts'
import type { Network } from './network.ts'
import type { Settings } from './settings.ts'
import { STAGES, type StageSettings } from './stages.ts'
import type { Store } from './store.ts'
import { StreamTopics } from './stream-topics.ts'
import type { WebSocket } from './web-socket.ts'
import { WeirFunction } from './weir-function.ts'

/** What all streams share. */
export interface Shared {
  readonly settings: Settings
  readonly codeOf: CodeOf
  readonly store: Store
  readonly master: Master
  readonly webSocket: WebSocket
  /** Of every function, as lib/aws/ports.ts reads it; WEIR_STREAM and the brokers are added where they belong. */
  readonly environment: Readonly<Record<string, string>>
  readonly kafka: { readonly network: Network; readonly cluster: KafkaCluster } | undefined
}

export interface StageFunction {
  readonly stream: string
  readonly stage: StageSettings
  readonly function: WeirFunction
  readonly mapping: KafkaMapping | undefined
}

/** The topics and the four functions of one stream. */
export class StreamPipeline extends Construct {
  readonly functions: readonly StageFunction[]
  readonly stream: string
  /** Undefined where there is no Kafka. */
  readonly topics: StreamTopics | undefined

  constructor(scope: Construct, id: string, stream: Stream, shared: Shared) {
    super(scope, id)
    const { kafka, settings } = shared
    const topics = kafka && new StreamTopics(this, 'Topics', { stream, cluster: kafka.cluster, settings })
    if (kafka !== undefined && topics !== undefined) {
      const { store, master } = shared
      const at = { site: settings.site, stream: stream.name, cluster: kafka.cluster }
      new CollectPolicy(this, 'Collect', { ...at, topics, store, master })
    }
    this.stream = stream.name
    this.topics = topics
    this.functions = STAGES.map((stage) => this.#stage(stageOf(stage, stream), stream.name, shared, topics))
  }

  #stage(
    stage: StageSettings,
    stream: string,
    shared: Shared,
    topics: StreamTopics | undefined,
  ): StageFunction {
    const id = stage.name.charAt(0).toUpperCase() + stage.name.slice(1)
    const inVpc = stage.produces ? shared.kafka : undefined
    const target = new WeirFunction(this, id, {
      functionName: `weir-${shared.settings.site}-${stream}-${stage.name}`,
      description: `${stream}: ${stage.purpose}`,
      code: shared.codeOf(stage.name),
      memoryMb: stage.memoryMb,
      timeout: stage.timeout,
      environment: {
        ...shared.environment,
        WEIR_STREAM: stream,
        ...(inVpc === undefined
          ? {}
          : { WEIR_BROKERS: inVpc.cluster.bootstrapBrokers, WEIR_KAFKA_AUTH: 'iam' }),
      },
      ...(inVpc === undefined
        ? {}
        : {
            vpc: { vpc: inVpc.network.vpc, subnets: inVpc.network.subnets, group: inVpc.network.clientGroup },
          }),
    })
    this.#grantStores(stage, target, shared)
    if (inVpc !== undefined && topics !== undefined)
      for (const right of appendRights(inVpc.cluster, topics.enriched)) target.role.addToPolicy(right)
    const mapping = topics && this.#map(id, stage, target, topics, shared)
    return { stream, stage, function: target, mapping }
  }

  #grantStores(stage: StageSettings, target: WeirFunction, { store, master, webSocket }: Shared): void {
    store.grantUse(target.role)
    master.grantRead(target.role, stage.reads)
    master.grantWrite(target.role, stage.writes)
    if (stage.pushes) webSocket.grantPush(target.role)
  }

  #map(
    id: string,
    stage: StageSettings,
    target: WeirFunction,
    topics: StreamTopics,
    { kafka, settings }: Shared,
  ): KafkaMapping | undefined {
    if (kafka === undefined) return undefined
    const topic = topics[stage.consumes]
    const mapping = new KafkaMapping(this, `${id}Mapping`, {
      cluster: kafka.cluster,
      topic,
      stage,
      target,
      consumerGroup: consumerGroup(topic.topicName, stage.name, settings),
      pollerGroup: `weir-${settings.site}`,
    })
    acknowledge(mapping, {
      'Serverless-LambdaEventSourceMappingDestination':
        'An on-failure destination would turn endless retries into ten and lose the records behind them (docs/exactness.md, rule 3).',
    })
    return mapping
  }
}

/**
 * Score reads views only where its stream looks things up in them. Count raises alerts only where its stream has patterns,
 * and whoever raises alerts pushes them.
 */
function stageOf(stage: StageSettings, { history, patterns }: Stream): StageSettings {
  if (stage.name === 'count' && Object.keys(patterns).length > 0)
    return {
      ...stage,
      purpose: 'keeps the speed boards, and raises and pushes the patterns they show',
      pushes: true,
      reads: [...stage.reads, 'alerts'],
      writes: [...stage.writes, 'alerts'],
    }
  if (stage.name !== 'score' || Object.keys(history).length === 0) return stage
  return { ...stage, reads: [...stage.reads, 'batch', 'board'] }
}

function consumerGroup(topic: string, stage: string, { site, rewinds }: Settings): string {
  const rewind = rewinds.get(stage)
  return `weir-${site}-${topic}-${stage}${rewind === undefined ? '' : `-${rewind}`}`
}
