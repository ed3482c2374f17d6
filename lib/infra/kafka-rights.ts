import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { CfnTopic } from 'aws-cdk-lib/aws-msk'
import type { KafkaCluster } from './cluster.ts'

/**
 * What IAM asks of a Kafka client, request by request.
 * Source: https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
 */

/** To append to a topic, and to ask how many partitions it has. Such appends carry no producer id (rule 2). */
export function appendRights(cluster: KafkaCluster, topic: CfnTopic): PolicyStatement[] {
  return [
    allow(['kafka-cluster:Connect'], cluster.clusterArn),
    allow(['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'], topic.attrTopicArn),
  ]
}

/** To read a topic without a consumer group: tails, before a run goes on (rule 12). */
export function tailRights(cluster: KafkaCluster, topic: CfnTopic): PolicyStatement[] {
  return [
    allow(['kafka-cluster:Connect'], cluster.clusterArn),
    allow(['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'], topic.attrTopicArn),
  ]
}

/**
 * To fence under these transactional ids, beside the right to append: the producer id is taken over, an empty transaction
 * leaves its markers, and what is then written carries that producer id.
 */
export function fencingRights(cluster: KafkaCluster, transactionalIds: readonly string[]): PolicyStatement[] {
  return [
    allow(['kafka-cluster:WriteDataIdempotently'], cluster.clusterArn),
    allow(
      ['kafka-cluster:AlterTransactionalId', 'kafka-cluster:DescribeTransactionalId'],
      ...transactionalIds.map((id) => cluster.arnOf('transactional-id', id)),
    ),
  ]
}

function allow(actions: string[], ...resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources })
}
