import { Fn, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { CfnCluster, CfnConfiguration } from 'aws-cdk-lib/aws-msk'
import { Construct } from 'constructs'
import { BootstrapBrokers } from './bootstrap-brokers.ts'
import type { Network } from './network.ts'
import type { Settings } from './settings.ts'

export interface KafkaClusterProps {
  readonly network: Network
  readonly settings: Settings
}

/**
 * What docs/exactness.md needs of every broker: append times from the broker (rule 6), an acknowledged record on two
 * brokers at least and never a leader that lacks one (rule 2), no topic that nobody declared (rule 1).
 */
const BROKER_SETTINGS: Readonly<Record<string, string>> = {
  'log.message.timestamp.type': 'LogAppendTime',
  'auto.create.topics.enable': 'false',
}
/** Fixed by the service on Express brokers, where a configuration that names them is refused. */
const STANDARD_BROKER_SETTINGS: Readonly<Record<string, string>> = {
  'min.insync.replicas': '2',
  'default.replication.factor': '3',
  'unclean.leader.election.enable': 'false',
  'offsets.topic.replication.factor': '3',
  'transaction.state.log.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
}

/** An MSK provisioned cluster over three zones that only IAM identities reach. */
export class KafkaCluster extends Construct {
  readonly clusterArn: string
  readonly clusterName: string
  readonly resource: CfnCluster
  /** Comma-separated `host:port` of the IAM listeners: known only once the cluster stands. */
  readonly bootstrapBrokers: string

  constructor(scope: Construct, id: string, { network, settings }: KafkaClusterProps) {
    super(scope, id)
    this.clusterName = `weir-${settings.site}`
    const configuration = this.#configuration(settings)
    const logs = new LogGroup(this, 'BrokerLogs', { retention: RetentionDays.ONE_MONTH })
    const express = settings.kafka === 'express'
    this.resource = new CfnCluster(this, 'Cluster', {
      clusterName: this.clusterName,
      kafkaVersion: express ? settings.kafkaVersion.replace('.kraft', '') : settings.kafkaVersion,
      numberOfBrokerNodes: settings.brokers,
      brokerNodeGroupInfo: {
        instanceType: `${express ? 'express' : 'kafka'}.${settings.brokerSize}`,
        clientSubnets: network.subnets.map(({ subnetId }) => subnetId),
        securityGroups: [network.brokerGroup.securityGroupId],
        ...(express ? {} : { storageInfo: { ebsStorageInfo: { volumeSize: settings.brokerStorageGiB } } }),
      },
      clientAuthentication: { sasl: { iam: { enabled: true } }, unauthenticated: { enabled: false } },
      encryptionInfo: { encryptionInTransit: { clientBroker: 'TLS', inCluster: true } },
      configurationInfo: {
        arn: configuration.attrArn,
        revision: configuration.attrLatestRevisionRevision,
      },
      enhancedMonitoring: 'PER_TOPIC_PER_BROKER',
      loggingInfo: { brokerLogs: { cloudWatchLogs: { enabled: true, logGroup: logs.logGroupName } } },
    })
    this.resource.applyRemovalPolicy(settings.disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN)
    this.clusterArn = this.resource.attrArn
    this.bootstrapBrokers = new BootstrapBrokers(this, 'BootstrapBrokers', this).brokers
  }

  /** The ARN of something in the cluster, exact or with a wildcard at its end: `topic` network.raw.g1. */
  arnOf(kind: 'topic' | 'group' | 'transactional-id', name: string): string {
    // arn:partition:kafka:region:account:cluster/NAME/UUID
    const uuid = Fn.select(2, Fn.split('/', this.clusterArn))
    return Stack.of(this).formatArn({
      service: 'kafka',
      resource: kind,
      resourceName: `${this.clusterName}/${uuid}/${name}`,
    })
  }

  /** `arnOf` as findings of cdk-nag print it. */
  shownArnOf(kind: 'transactional-id', name: string): string {
    const id = Stack.of(this).getLogicalId(this.resource)
    const uuid = `{"Fn::Select":[2,{"Fn::Split":["/",{"Fn::GetAtt":["${id}","Arn"]}]}]}`
    return `arn:<AWS::Partition>:kafka:<AWS::Region>:<AWS::AccountId>:${kind}/${this.clusterName}/${uuid}/${name}`
  }

  #configuration(settings: Settings): CfnConfiguration {
    const standard = settings.kafka === 'standard' ? STANDARD_BROKER_SETTINGS : {}
    const properties = Object.entries({ ...BROKER_SETTINGS, ...standard })
    return new CfnConfiguration(this, 'Configuration', {
      name: `weir-${settings.site}-${settings.kafka}`,
      description: 'What the exactness of Weir rests on. Changing it by hand breaks counts.',
      serverProperties: properties.map(([name, value]) => `${name}=${value}`).join('\n'),
    })
  }
}
