import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import type { CfnTopic } from 'aws-cdk-lib/aws-msk'
import { Construct } from 'constructs'
import type { KafkaCluster } from './cluster.ts'
import type { StageSettings } from './stages.ts'
import type { WeirFunction } from './weir-function.ts'

export interface KafkaMappingProps {
  readonly cluster: KafkaCluster
  readonly topic: CfnTopic
  readonly stage: StageSettings
  readonly target: WeirFunction
  /** Unique among all mappings of the cluster. It cannot change later, and with a new one reading begins at the start. */
  readonly consumerGroup: string
  readonly pollerGroup: string
}

/** The most that a Kafka mapping takes; 6 MB of event usually come first. */
const BATCH_RECORDS_MAX = 10_000

/**
 * An event source mapping that never gives up (docs/exactness.md, rule 3): retries without end, no maximum age, from
 * the first record on, and no on-failure destination, which would silently turn "without end" into ten. All of this,
 * and bisecting and partial answers, exist in provisioned mode only, and nothing but a test checks that they go
 * together: test/infra/template/mappings.ts.
 */
export class KafkaMapping extends Construct {
  readonly mapping: CfnEventSourceMapping

  constructor(scope: Construct, id: string, props: KafkaMappingProps) {
    super(scope, id)
    const { topic, stage, target } = props
    this.mapping = new CfnEventSourceMapping(this, 'Mapping', {
      functionName: target.lambda.functionName,
      eventSourceArn: props.cluster.clusterArn,
      topics: [topic.topicName],
      amazonManagedKafkaEventSourceConfig: { consumerGroupId: props.consumerGroup },
      startingPosition: 'TRIM_HORIZON',
      batchSize: BATCH_RECORDS_MAX,
      maximumBatchingWindowInSeconds: stage.window.toSeconds(),
      maximumRetryAttempts: -1,
      maximumRecordAgeInSeconds: -1,
      bisectBatchOnFunctionError: true,
      functionResponseTypes: ['ReportBatchItemFailures'],
      provisionedPollerConfig: {
        minimumPollers: 1,
        maximumPollers: topic.partitionCount,
        // Shared by all mappings: alone, each would pay for pollers of its own.
        pollerGroupName: props.pollerGroup,
      },
      metricsConfig: { metrics: ['EventCount', 'ErrorCount', 'KafkaMetrics'] },
    })
    this.#grant(props)
    this.mapping.addResourceDependency(topic)
    // The rights must stand before the pollers first use them.
    this.mapping.node.addDependency(target.role)
  }

  /** Pollers act under the function's role. */
  #grant({ cluster, topic, target, consumerGroup }: KafkaMappingProps): void {
    const allow = (actions: string[], resource: string) =>
      target.role.addToPolicy(new PolicyStatement({ actions, resources: [resource] }))
    allow(
      [
        'kafka:DescribeClusterV2',
        'kafka:GetBootstrapBrokers',
        'kafka-cluster:Connect',
        'kafka-cluster:DescribeClusterDynamicConfiguration',
      ],
      cluster.clusterArn,
    )
    allow(['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'], topic.attrTopicArn)
    allow(['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], cluster.arnOf('group', consumerGroup))
    target.allowNetworkInterfaces()
  }
}
