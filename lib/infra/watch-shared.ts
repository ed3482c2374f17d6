import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import type { Alarms } from './alarms.ts'
import type { KafkaCluster } from './cluster.ts'
import type { Recompute } from './recompute.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'
import type { Training } from './training.ts'

const MINUTE = Duration.minutes(1)
const FIVE_MINUTES = Duration.minutes(5)
const TEN_MINUTES = Duration.minutes(10)
const HOUR = Duration.hours(1)

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

/** Views may be this much older than they should be: some runs failed, or were refused because one takes long. */
const UNPUBLISHED_HOURS_MAX = 6

export function watchRecompute(
  alarms: Alarms,
  { stateMachine }: Recompute,
  streams: readonly string[],
): void {
  watchExecutions(alarms, 'recompute', stateMachine)
  for (const stream of streams)
    alarms.add(`${stream}-recompute-late`, {
      description: `No recompute has published views of ${stream} for ${UNPUBLISHED_HOURS_MAX} hours`,
      metric: new Metric({
        namespace: 'Weir',
        metricName: 'horizonAgeMs',
        dimensionsMap: { site: alarms.site, stream, stage: 'publish' },
        statistic: 'Minimum',
        period: HOUR,
      }),
      threshold: Duration.hours(UNPUBLISHED_HOURS_MAX).toMilliseconds(),
      over: Duration.hours(UNPUBLISHED_HOURS_MAX),
      silenceIsBad: true,
    })
}

export function watchTraining(alarms: Alarms, { stateMachine }: Training): void {
  watchExecutions(alarms, 'training', stateMachine)
}

function watchExecutions(alarms: Alarms, name: string, stateMachine: StateMachine): void {
  const of = { description: 'An execution did not end well', threshold: 0, over: MINUTE }
  alarms.add(`${name}-failed`, { ...of, metric: stateMachine.metricFailed({ period: MINUTE }) })
  alarms.add(`${name}-timed-out`, { ...of, metric: stateMachine.metricTimedOut({ period: MINUTE }) })
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
