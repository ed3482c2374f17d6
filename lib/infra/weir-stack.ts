import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Stream } from '../stream/define.ts'
import { Alarms } from './alarms.ts'
import { KafkaCluster } from './cluster.ts'
import { Compact } from './compact.ts'
import { PipelineDashboard } from './dashboard.ts'
import { bundledCode, type CodeOf } from './function-code.ts'
import { IngestApi } from './ingest-api.ts'
import { Master } from './master.ts'
import { MasterTables } from './master-tables.ts'
import { Network } from './network.ts'
import { QueryApi } from './query-api.ts'
import { Recompute } from './recompute.ts'
import type { Settings } from './settings.ts'
import { Store } from './store.ts'
import { type Shared, type StageFunction, StreamPipeline } from './stream-pipeline.ts'
import { Training } from './training.ts'
import { Watch } from './watch.ts'
import { watchCluster, watchRecompute, watchStore, watchTraining } from './watch-shared.ts'
import { watchFunction, watchStage } from './watch-stage.ts'
import { WebSocket } from './web-socket.ts'
import { WeirFunction } from './weir-function.ts'

export interface WeirStackProps extends StackProps {
  readonly settings: Settings
  readonly streams: ReadonlyMap<string, Stream>
  /** Where functions' code comes from; by default it is bundled here and now. */
  readonly codeOf?: CodeOf
}

/** All of Weir in one account and region. */
export class WeirStack extends Stack {
  constructor(scope: Construct, id: string, props: WeirStackProps) {
    super(scope, id, props)
    const { settings } = props
    const shared = this.#shared(settings, props.codeOf ?? bundledCode())
    const alarms = new Alarms(this, 'Alarms', { settings })
    // Under a construct of their own: a stream may have any name, `network` too.
    const pipelines = new Construct(this, 'Streams')
    const ofStreams = [...props.streams.values()].map(
      (stream) => new StreamPipeline(pipelines, capital(stream.name), stream, shared),
    )
    const stages = ofStreams.flatMap(({ functions }) => functions)
    const socket = this.#socket(shared)
    const train = this.#train(shared)
    const query = this.#query(shared)
    const { url } = new QueryApi(this, 'QueryApi', query)
    new CfnOutput(this, 'QueryUrl', { value: url })
    const ingest = this.#ingest(shared, ofStreams)
    const detecting = [...props.streams.values()].filter(({ detector }) => detector !== undefined)
    const training = new Training(this, 'Training', { train, streams: detecting.map(({ name }) => name) })
    const recompute = new Recompute(this, 'Recompute', { shared, streams: [...props.streams.keys()] })
    const tables = { settings, bucket: shared.master.bucket, streams: props.streams.values() }
    new MasterTables(this, 'MasterTables', tables)
    const compact = new Compact(this, 'Compact', { shared, streams: [...props.streams.keys()] })
    const watch = new Watch(this, 'Watch', { shared })

    for (const stage of stages) watchStage(alarms, stage, settings.lagRecordsMax)
    watchFunction(alarms, 'socket', socket)
    watchFunction(alarms, 'train', train)
    watchFunction(alarms, 'query', query)
    if (ingest !== undefined) watchFunction(alarms, 'ingest', ingest.function)
    watchFunction(alarms, 'compact', compact.function)
    watch.watch(alarms)
    watchStore(alarms, shared.store)
    for (const { name, function: step } of recompute.functions) watchFunction(alarms, name, step)
    watchRecompute(alarms, recompute, [...props.streams.keys()])
    watchTraining(alarms, training)
    if (shared.kafka !== undefined) watchCluster(alarms, shared.kafka.cluster, settings)
    new PipelineDashboard(this, 'Dashboard', { name: `weir-${settings.site}`, alarms, stages })
    this.#outputs(shared, stages, { recompute, training })
  }

  #shared(settings: Settings, codeOf: CodeOf): Shared {
    const store = new Store(this, 'Store', { settings })
    const master = new Master(this, 'Master', { settings })
    const webSocket = new WebSocket(this, 'WebSocket')
    const network = settings.kafka === 'none' ? undefined : new Network(this, 'Network')
    const cluster = network && new KafkaCluster(this, 'Kafka', { network, settings })
    return {
      settings,
      codeOf,
      store,
      master,
      webSocket,
      kafka: network && cluster && { network, cluster },
      environment: {
        WEIR_SITE: settings.site,
        WEIR_EPOCH_MS: String(settings.epochMinutes * 60_000),
        WEIR_TABLE: store.table.tableName,
        WEIR_BUCKET: master.bucket.bucketName,
        WEIR_WS_ENDPOINT: webSocket.connectionsUrl,
      },
    }
  }

  #socket({ settings, codeOf, environment, store, master, webSocket }: Shared): WeirFunction {
    const socket = new WeirFunction(this, 'Socket', {
      functionName: `weir-${settings.site}-socket`,
      description: 'connections, subscriptions, and what a new subscriber missed',
      code: codeOf('socket'),
      environment: { ...environment },
      memoryMb: 1024,
      timeout: Duration.seconds(29),
    })
    store.grantUse(socket.role)
    master.grantRead(socket.role, ['alerts'])
    webSocket.grantPush(socket.role)
    webSocket.serve(socket)
    return socket
  }

  #ingest(shared: Shared, pipelines: readonly StreamPipeline[]): IngestApi | undefined {
    const { kafka } = shared
    if (kafka === undefined) return undefined
    const ingest = new IngestApi(this, 'IngestApi', { shared, kafka, pipelines })
    new CfnOutput(this, 'IngestUrl', { value: ingest.url })
    return ingest
  }

  #query({ settings, codeOf, environment, store, master }: Shared): WeirFunction {
    const query = new WeirFunction(this, 'Query', {
      functionName: `weir-${settings.site}-query`,
      description: 'answers questions to views over HTTP',
      code: codeOf('query'),
      environment: { ...environment },
      memoryMb: 1769,
      timeout: Duration.seconds(29),
    })
    store.grantRead(query.role)
    master.grantRead(query.role, ['batch', 'board'])
    return query
  }

  #train({ settings, codeOf, environment, store, master }: Shared): WeirFunction {
    const train = new WeirFunction(this, 'Train', {
      functionName: `weir-${settings.site}-train`,
      description: 'trains a model from the master and publishes it where it is not worse',
      code: codeOf('train'),
      environment: { ...environment },
      memoryMb: 3008,
      timeout: Duration.minutes(15),
    })
    store.grantUse(train.role)
    master.grantRead(train.role, ['master', 'models'])
    master.grantWrite(train.role, ['models'])
    return train
  }

  #outputs(
    { store, master, webSocket, kafka }: Shared,
    stages: readonly StageFunction[],
    { recompute, training }: { readonly recompute: Recompute; readonly training: Training },
  ): void {
    const outputs: Record<string, string> = {
      WebSocketUrl: webSocket.url,
      TableName: store.table.tableName,
      BucketName: master.bucket.bucketName,
      RecomputeStateMachine: recompute.stateMachine.stateMachineArn,
      TrainingStateMachine: training.stateMachine.stateMachineArn,
      Functions: stages.map((stage) => stage.function.lambda.functionName).join(' '),
      ...(kafka === undefined ? {} : { BootstrapBrokers: kafka.cluster.bootstrapBrokers }),
    }
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value })
  }
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
