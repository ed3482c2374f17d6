import { AlarmStatusWidget, Dashboard, GraphWidget, type IWidget, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import type { Alarms } from './alarms.ts'
import type { StageFunction } from './stream-pipeline.ts'

export interface PipelineDashboardProps {
  readonly name: string
  readonly alarms: Alarms
  readonly stages: readonly StageFunction[]
}

/** One page in CloudWatch: what is in alarm, then a row per stream with its four stages side by side. */
export class PipelineDashboard extends Construct {
  constructor(scope: Construct, id: string, { name, alarms, stages }: PipelineDashboardProps) {
    super(scope, id)
    const dashboard = new Dashboard(this, 'Dashboard', { dashboardName: name })
    dashboard.addWidgets(
      new AlarmStatusWidget({ title: 'Alarms', width: 24, height: 4, alarms: [...alarms.alarms] }),
    )
    for (const stream of new Set(stages.map((stage) => stage.stream))) {
      const own = stages.filter((stage) => stage.stream === stream)
      dashboard.addWidgets(lag(stream, own), durations(stream, own), invocations(stream, own))
    }
  }
}

function lag(stream: string, stages: readonly StageFunction[]): IWidget {
  const left = stages.map(
    ({ stage, function: { lambda } }) =>
      new Metric({
        namespace: 'AWS/Lambda',
        metricName: 'OffsetLag',
        dimensionsMap: { FunctionName: lambda.functionName },
        statistic: 'Maximum',
        label: stage.name,
      }),
  )
  return new GraphWidget({ title: `${stream}: records behind`, width: 8, left })
}

function durations(stream: string, stages: readonly StageFunction[]): IWidget {
  const left = stages.map(({ stage, function: { lambda } }) =>
    lambda.metricDuration({ statistic: 'p99', label: stage.name }),
  )
  return new GraphWidget({ title: `${stream}: duration of a batch, p99`, width: 8, left })
}

function invocations(stream: string, stages: readonly StageFunction[]): IWidget {
  const left = stages.map(({ stage, function: { lambda } }) =>
    lambda.metricInvocations({ label: stage.name }),
  )
  const right = stages.map(({ stage, function: { lambda } }) =>
    lambda.metricErrors({ label: `${stage.name} errors` }),
  )
  return new GraphWidget({ title: `${stream}: batches and errors`, width: 8, left, right })
}
