import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs'
import type { Alarms } from './alarms.ts'
import type { StageFunction } from './stream-pipeline.ts'
import type { WeirFunction } from './weir-function.ts'

const MINUTE = Duration.minutes(1)
const FIVE_MINUTES = Duration.minutes(5)
/** Of the figures that lib/aws/emf-metrics.ts writes, and of those made from log lines. */
const NAMESPACE = 'Weir'

/** Alarms of one stage of one stream. `lagRecordsMax`: how far behind is too far. */
export function watchStage(alarms: Alarms, watched: StageFunction, lagRecordsMax: number): void {
  const { stream, stage, function: target, mapping } = watched
  const name = `${stream}-${stage.name}`
  watchFunction(alarms, name, target)
  // Only readers of enriched compare origins.
  if (stage.consumes === 'enriched') watchGaps(alarms, name, target)
  const dimensions = { site: alarms.site, stream, stage: stage.name }
  alarms.add(`${name}-failing`, {
    description: 'Partitions of this stage fail and are tried again',
    metric: metric(NAMESPACE, 'failedPartitions', dimensions, 'Sum'),
    threshold: 0,
    over: FIVE_MINUTES,
  })
  if (mapping === undefined) return
  alarms.add(`${name}-lag`, {
    description: `More than ${lagRecordsMax} records behind`,
    metric: metric('AWS/Lambda', 'OffsetLag', { FunctionName: target.lambda.functionName }, 'Maximum'),
    threshold: lagRecordsMax,
    over: Duration.minutes(10),
  })
  const { attrId } = mapping.mapping
  alarms.add(`${name}-dropped`, {
    description: 'The mapping dropped records: it must never do that',
    metric: metric('AWS/Lambda', 'DroppedEventCount', { EventSourceMappingUUID: attrId }, 'Sum'),
    threshold: 0,
    over: MINUTE,
  })
}

export function watchFunction(alarms: Alarms, name: string, { lambda }: WeirFunction): void {
  alarms.add(`${name}-errors`, {
    description: 'The function throws, runs out of time or of memory',
    metric: lambda.metricErrors({ period: MINUTE }),
    threshold: 0,
    over: FIVE_MINUTES,
  })
  alarms.add(`${name}-throttles`, {
    description: 'The function is held back by the concurrency limit of the account',
    metric: lambda.metricThrottles({ period: MINUTE }),
    threshold: 0,
    over: FIVE_MINUTES,
  })
}

/** A gap raises its alarm at once: everything behind it waits. Its error's name stands in the log line, however wrapped. */
function watchGaps(alarms: Alarms, name: string, target: WeirFunction): void {
  const filter = new MetricFilter(target, 'GapFilter', {
    logGroup: target.logs,
    filterPattern: FilterPattern.anyTerm('OriginGapError'),
    metricNamespace: NAMESPACE,
    metricName: `${alarms.prefix}-${name}-gap`,
    metricValue: '1',
  })
  alarms.add(`${name}-gap`, {
    description: 'A gap stopped a partition of this stage',
    metric: filter.metric({ statistic: 'Sum', period: MINUTE }),
    threshold: 0,
    over: MINUTE,
  })
}

function metric(
  namespace: string,
  metricName: string,
  dimensionsMap: Record<string, string>,
  statistic: string,
): Metric {
  return new Metric({ namespace, metricName, dimensionsMap, statistic, period: MINUTE })
}
