import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Alarms } from './alarms.ts'
import type { KafkaCluster } from './cluster.ts'
import type { Recompute } from './recompute.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'

const MINUTE = Duration.minutes(1)
const FIVE_MINUTES = Duration.minutes(5)
const TEN_MINUTES = Duration.minutes(10)

export function watchStore(alarms: Alarms, { table }: Store): void {
  for (const operation of ['PutItem', 'GetItem', 'TransactWriteItems'])
    alarms.add(`table-${operation}`, {
      description: 'The table holds requests back',
      metric: new Metric({
        namespace: 'AWS/DynamoDB',
        metricName: 'ThrottledRequests',
        dimensionsMap: { TableName: table.tableName, Operation: operation },
        statistic: 'Sum',
        period: MINUTE,
      }),
      threshold: 0,
      over: FIVE_MINUTES,
    })
}

export function watchRecompute(alarms: Alarms, { stateMachine }: Recompute): void {
  const description = 'The daily execution did not end well'
  const of = { description, threshold: 0, over: MINUTE }
  alarms.add('recompute-failed', { ...of, metric: stateMachine.metricFailed({ period: MINUTE }) })
  alarms.add('recompute-timed-out', { ...of, metric: stateMachine.metricTimedOut({ period: MINUTE }) })
}

export function watchCluster(
  alarms: Alarms,
  { clusterName }: KafkaCluster,
  { kafka, brokers }: Settings,
): void {
  alarms.add('kafka-offline-partitions', {
    description: 'Partitions without a leader: nothing reads or writes them',
    metric: brokerMetric(clusterName, 'OfflinePartitionsCount'),
    threshold: 0,
    over: FIVE_MINUTES,
  })
  for (let broker = 1; broker <= brokers; broker++) {
    alarms.add(`kafka-under-min-isr-${broker}`, {
      description: 'Partitions with too few replicas: appends to them are refused',
      metric: brokerMetric(clusterName, 'UnderMinIsrPartitionCount', broker),
      threshold: 0,
      over: TEN_MINUTES,
    })
    if (kafka !== 'standard') continue
    alarms.add(`kafka-disk-${broker}`, {
      description: 'A broker volume is filling up',
      metric: brokerMetric(clusterName, 'KafkaDataLogsDiskUsed', broker),
      threshold: 75,
      over: TEN_MINUTES,
    })
  }
}

function brokerMetric(cluster: string, metricName: string, broker?: number): Metric {
  const dimensionsMap = {
    'Cluster Name': cluster,
    ...(broker === undefined ? {} : { 'Broker ID': String(broker) }),
  }
  return new Metric({
    namespace: 'AWS/Kafka',
    metricName,
    dimensionsMap,
    statistic: 'Maximum',
    period: FIVE_MINUTES,
  })
}
