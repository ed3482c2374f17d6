import type { Duration } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import { acknowledge } from './nag.ts'
import type { Settings } from './settings.ts'

export interface AlarmSettings {
  /** One sentence without its full stop. */
  readonly description: string
  readonly metric: Metric
  /** Raised above it. */
  readonly threshold: number
  /** Raised when most of this time was above. */
  readonly over: Duration
  /** Set where silence is bad news. */
  readonly silenceIsBad?: boolean
}

/** Of the time an alarm looks at, as much must be bad: a failing batch is not tried in every single minute. */
const SHARE = 0.6

/** Alarms, each with a row in docs/operations.md, and the SNS topic they are sent to. */
export class Alarms extends Construct {
  readonly topic: Topic
  readonly site: string
  /** Begins the name of every alarm. */
  readonly prefix: string
  readonly #alarms: Alarm[] = []

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id)
    this.site = settings.site
    this.prefix = `weir-${settings.site}`
    this.topic = new Topic(this, 'Topic', { topicName: `${this.prefix}-alarms`, enforceSSL: true })
    this.topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com'))
    if (settings.alarmEmail !== undefined)
      this.topic.addSubscription(new EmailSubscription(settings.alarmEmail))
    acknowledge(this.topic, {
      'Serverless-SNSRedrivePolicy': 'An alarm that cannot be mailed is still shown in CloudWatch.',
    })
  }

  get alarms(): readonly Alarm[] {
    return this.#alarms
  }

  add(name: string, { description, metric, threshold, over, silenceIsBad }: AlarmSettings): void {
    const periods = Math.max(1, Math.round(over.toSeconds() / metric.period.toSeconds()))
    const alarm = new Alarm(this, name, {
      alarmName: `${this.prefix}-${name}`,
      alarmDescription: `${description}. What to do: docs/operations.md, "Alarms".`,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      datapointsToAlarm: Math.ceil(periods * SHARE),
      treatMissingData: silenceIsBad === true ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    })
    alarm.addAlarmAction(new SnsAction(this.topic))
    alarm.addOkAction(new SnsAction(this.topic))
    this.#alarms.push(alarm)
  }
}
