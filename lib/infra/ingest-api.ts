import { Duration, Stack } from 'aws-cdk-lib'
import { CfnStage, HttpApi, HttpMethod, HttpStage, PayloadFormatVersion } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { KafkaCluster } from './cluster.ts'
import { appendRights, fencingRights, tailRights } from './kafka-rights.ts'
import { acknowledgeWildcard } from './nag.ts'
import type { Network } from './network.ts'
import type { Shared, StreamPipeline } from './stream-pipeline.ts'
import { WeirFunction } from './weir-function.ts'

export interface IngestApiProps {
  readonly shared: Shared
  readonly kafka: { readonly network: Network; readonly cluster: KafkaCluster }
  /** Of the streams that records can be sent to. */
  readonly pipelines: readonly StreamPipeline[]
}

/**
 * `POST /streams/{stream}/records`, described in docs/collecting.md. To send is an IAM right: the caller signs its requests
 * (Signature Version 4). The function is in the VPC, because it speaks Kafka; API Gateway calls it from outside.
 */
export class IngestApi extends Construct {
  readonly function: WeirFunction
  /** Without a slash at its end: https://... */
  readonly url: string

  constructor(scope: Construct, id: string, props: IngestApiProps) {
    super(scope, id)
    this.function = this.#function(props)
    const api = new HttpApi(this, 'Api', {
      apiName: `${Stack.of(this).stackName}-ingest`,
      description: 'Takes records into streams: docs/collecting.md',
      createDefaultStage: false,
      defaultAuthorizer: new HttpIamAuthorizer(),
    })
    api.addRoutes({
      path: '/streams/{stream}/records',
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration('Ingest', this.function.lambda, {
        payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
      }),
    })
    this.#stage(api)
    this.url = api.apiEndpoint
  }

  #function(props: IngestApiProps): WeirFunction {
    const { network, cluster } = props.kafka
    const { settings, codeOf, environment, store, master } = props.shared
    const ingest = new WeirFunction(this, 'Function', {
      functionName: `weir-${settings.site}-ingest`,
      description: 'takes records that clients bring over HTTP',
      code: codeOf('ingest'),
      environment: {
        ...environment,
        WEIR_BROKERS: cluster.bootstrapBrokers,
        WEIR_KAFKA_AUTH: 'iam',
      },
      memoryMb: 1769,
      // API Gateway waits 30 seconds.
      timeout: Duration.seconds(29),
      vpc: { vpc: network.vpc, subnets: network.subnets, group: network.clientGroup },
    })
    store.grantUse(ingest.role)
    master.grantWrite(ingest.role, ['large'])
    this.#allowAppends(ingest, props)
    return ingest
  }

  /** To append, to read tails, and to fence: rule 12 of docs/exactness.md. One transactional id a slot. */
  #allowAppends({ role }: WeirFunction, { shared, kafka: { cluster }, pipelines }: IngestApiProps): void {
    for (const { stream, topics } of pipelines) {
      if (topics === undefined) continue
      const ids = `weir/${shared.settings.site}/${stream}/ingest-*`
      const rights = [
        ...appendRights(cluster, topics.raw),
        ...tailRights(cluster, topics.raw),
        ...fencingRights(cluster, [ids]),
      ]
      for (const right of rights) role.addToPolicy(right)
      acknowledgeWildcard(
        role,
        cluster.shownArnOf('transactional-id', ids),
        'Slots are numbered as they are needed: as many as environments are at work at once.',
      )
    }
  }

  #stage(api: HttpApi): void {
    const stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: 1000, burstLimit: 2000 },
      detailedMetricsEnabled: true,
    })
    const logs = new LogGroup(this, 'AccessLogs', { retention: RetentionDays.ONE_MONTH })
    const resource = stage.node.defaultChild
    if (!(resource instanceof CfnStage)) throw new Error('an HttpStage is expected to hold a CfnStage')
    resource.accessLogSettings = {
      destinationArn: logs.logGroupArn,
      format: JSON.stringify({
        time: '$context.requestTime',
        route: '$context.routeKey',
        status: '$context.status',
        latencyMs: '$context.responseLatency',
        requestBytes: '$context.requestLength',
        error: '$context.error.message',
      }),
    }
  }
}
