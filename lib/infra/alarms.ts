import { Duration } from 'aws-cdk-lib'
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  type IMetric,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { KafkaCluster } from './cluster.ts'
import { acknowledge } from './nag.ts'
import type { Recompute } from './recompute.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'
import type { StageFunction } from './stream-pipeline.ts'
import type { WeirFunction } from './weir-function.ts'

const MINUTE = Duration.minutes(1)
/** Of the figures that lib/aws/emf-metrics.ts writes, and of those made from log lines. */
const NAMESPACE = 'Weir'

/** Alarms, each with a heading of its name's last part in docs/operations.md, and the SNS topic they are sent to. */
export class Alarms extends Construct {
  readonly topic: Topic
  readonly alarms: Alarm[] = []
  readonly #site: string
  readonly #prefix: string

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id)
    this.#site = settings.site
    this.#prefix = `weir-${settings.site}`
    this.topic = new Topic(this, 'Topic', { topicName: `${this.#prefix}-alarms`, enforceSSL: true })
    this.topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com'))
    if (settings.alarmEmail !== undefined)
      this.topic.addSubscription(new EmailSubscription(settings.alarmEmail))
    acknowledge(this.topic, {
      'Serverless-SNSRedrivePolicy': 'An alarm that cannot be mailed is still shown in CloudWatch.',
    })
  }

  /** `lagRecordsMax`: how far behind is too far. */
  watchStage({ stream, stage, function: target, mapping }: StageFunction, lagRecordsMax: number): void {
    const name = `${stream}-${stage.name}`
    this.watchFunction(name, target)
    // Only readers of enriched compare origins.
    if (stage.consumes === 'enriched') this.#watchGaps(name, target)
    this.#alarm(`${name}-failing`, {
      description: 'Partitions of this stage fail and are tried again',
      metric: new Metric({
        namespace: NAMESPACE,
        metricName: 'failedPartitions',
        dimensionsMap: { site: this.#site, stream, stage: stage.name },
        statistic: 'Sum',
        period: MINUTE,
      }),
      threshold: 0,
      minutes: 5,
    })
    if (mapping === undefined) return
    const uuid = mapping.mapping.attrId
    this.#alarm(`${name}-lag`, {
      description: `More than ${lagRecordsMax} records behind`,
      metric: lambdaMetric('OffsetLag', { FunctionName: target.lambda.functionName }, 'Maximum'),
      threshold: lagRecordsMax,
      minutes: 10,
    })
    this.#alarm(`${name}-dropped`, {
      description: 'The mapping dropped records: it must never do that',
      metric: lambdaMetric('DroppedEventCount', { EventSourceMappingUUID: uuid }, 'Sum'),
      threshold: 0,
      minutes: 1,
    })
  }

  watchFunction(name: string, { lambda }: WeirFunction): void {
    this.#alarm(`${name}-errors`, {
      description: 'The function throws, runs out of time or of memory',
      metric: lambda.metricErrors({ period: MINUTE }),
      threshold: 0,
      minutes: 5,
    })
    this.#alarm(`${name}-throttles`, {
      description: 'The function is held back by the concurrency limit of the account',
      metric: lambda.metricThrottles({ period: MINUTE }),
      threshold: 0,
      minutes: 5,
    })
  }

  watchStore({ table }: Store): void {
    for (const operation of ['PutItem', 'GetItem', 'TransactWriteItems'])
      this.#alarm(`table-${operation}`, {
        description: 'The table holds requests back',
        metric: new Metric({
          namespace: 'AWS/DynamoDB',
          metricName: 'ThrottledRequests',
          dimensionsMap: { TableName: table.tableName, Operation: operation },
          statistic: 'Sum',
          period: MINUTE,
        }),
        threshold: 0,
        minutes: 5,
      })
  }

  watchRecompute({ stateMachine }: Recompute): void {
    for (const [name, metric] of [
      ['failed', stateMachine.metricFailed({ period: MINUTE })],
      ['timed-out', stateMachine.metricTimedOut({ period: MINUTE })],
    ] as const)
      this.#alarm(`recompute-${name}`, {
        description: 'The daily execution did not end well',
        metric,
        threshold: 0,
        minutes: 1,
      })
  }

  watchCluster({ clusterName }: KafkaCluster, { kafka, brokers }: Settings): void {
    const of = (metricName: string, statistic: string, broker?: number) =>
      new Metric({
        namespace: 'AWS/Kafka',
        metricName,
        dimensionsMap: {
          'Cluster Name': clusterName,
          ...(broker === undefined ? {} : { 'Broker ID': String(broker) }),
        },
        statistic,
        period: Duration.minutes(5),
      })
    this.#alarm('kafka-offline-partitions', {
      description: 'Partitions without a leader: nothing reads or writes them',
      metric: of('OfflinePartitionsCount', 'Maximum'),
      threshold: 0,
      minutes: 5,
    })
    for (let broker = 1; broker <= brokers; broker++) {
      this.#alarm(`kafka-under-min-isr-${broker}`, {
        description: 'Partitions with too few replicas: appends to them are refused',
        metric: of('UnderMinIsrPartitionCount', 'Maximum', broker),
        threshold: 0,
        minutes: 10,
      })
      if (kafka === 'standard')
        this.#alarm(`kafka-disk-${broker}`, {
          description: 'A broker volume is filling up',
          metric: of('KafkaDataLogsDiskUsed', 'Maximum', broker),
          threshold: 75,
          minutes: 10,
        })
    }
  }

  /** A gap raises its alarm at once: everything behind it waits. Its error's name stands in the log line, however wrapped. */
  #watchGaps(name: string, target: WeirFunction): void {
    const filter = new MetricFilter(target, 'GapFilter', {
      logGroup: target.logs,
      filterPattern: FilterPattern.anyTerm('OriginGapError'),
      metricNamespace: NAMESPACE,
      metricName: `${this.#prefix}-${name}-gap`,
      metricValue: '1',
    })
    this.#alarm(`${name}-gap`, {
      description: 'A gap stopped a partition of this stage',
      metric: filter.metric({ statistic: 'Sum', period: MINUTE }),
      threshold: 0,
      minutes: 1,
    })
  }

  #alarm(
    name: string,
    options: { description: string; metric: IMetric; threshold: number; minutes: number },
  ): void {
    const { description, metric, threshold, minutes } = options
    const periods = Math.max(1, Math.round(minutes / (periodMinutes(metric) ?? 1)))
    const props: AlarmProps = {
      alarmName: `${this.#prefix}-${name}`,
      alarmDescription: `${description}. What to do: docs/operations.md, "Alarms".`,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }
    const alarm = new Alarm(this, name, props)
    alarm.addAlarmAction(new SnsAction(this.topic))
    alarm.addOkAction(new SnsAction(this.topic))
    this.alarms.push(alarm)
  }
}

function periodMinutes(metric: IMetric): number | undefined {
  return metric instanceof Metric ? metric.period.toMinutes() : undefined
}

function lambdaMetric(metricName: string, dimensionsMap: Record<string, string>, statistic: string): Metric {
  return new Metric({ namespace: 'AWS/Lambda', metricName, dimensionsMap, statistic, period: MINUTE })
}
