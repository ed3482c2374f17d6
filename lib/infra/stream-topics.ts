import { RemovalPolicy } from 'aws-cdk-lib'
import { CfnTopic } from 'aws-cdk-lib/aws-msk'
import { Construct } from 'constructs'
import type { Stream } from '../stream/define.ts'
import { type TopicKind, topicName } from '../stream/topic.ts'
import type { KafkaCluster } from './cluster.ts'
import type { Settings } from './settings.ts'

export interface StreamTopicsProps {
  readonly stream: Stream
  readonly cluster: KafkaCluster
  readonly settings: Settings
}

/** The raw and the enriched topic of a stream, with as many partitions each. */
export class StreamTopics extends Construct {
  readonly raw: CfnTopic
  readonly enriched: CfnTopic

  constructor(scope: Construct, id: string, props: StreamTopicsProps) {
    super(scope, id)
    this.enriched = this.#topic('Enriched', 'enriched', props)
    this.raw = this.#topic('Raw', 'raw', props)
    // Enriched is made, and grown, before raw: score refuses a partition that has no twin (rule 1).
    this.raw.addResourceDependency(this.enriched)
  }

  #topic(id: string, kind: TopicKind, { stream, cluster, settings }: StreamTopicsProps): CfnTopic {
    const topic = new CfnTopic(this, id, {
      clusterArn: cluster.clusterArn,
      topicName: topicName(stream.name, kind),
      partitionCount: stream.partitions,
      replicationFactor: 3,
      configs: topicSettings(settings),
    })
    topic.applyRemovalPolicy(settings.disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN)
    return topic
  }
}

/**
 * As base64 of a JSON object, all values strings (found in Terraform's aws_msk_topic, whose acceptance tests run on the
 * same API). The durability settings stand at the topic too, so that no other default of the cluster can weaken them.
 */
function topicSettings({ kafka, retentionDays }: Settings): string {
  const durable =
    kafka === 'standard' ? { 'min.insync.replicas': '2', 'unclean.leader.election.enable': 'false' } : {}
  const settings = {
    'cleanup.policy': 'delete',
    'message.timestamp.type': 'LogAppendTime',
    'retention.ms': String(retentionDays * 86_400_000),
    ...durable,
  }
  return Buffer.from(JSON.stringify(settings)).toString('base64')
}
