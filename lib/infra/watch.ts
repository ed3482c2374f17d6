import { Duration } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler'
import { Construct } from 'constructs'
import type { Alarms } from './alarms.ts'
import type { Shared } from './stream-pipeline.ts'
import { watchFunction } from './watch-stage.ts'
import { WeirFunction } from './weir-function.ts'

export interface WatchProps {
  readonly shared: Pick<Shared, 'settings' | 'codeOf' | 'environment' | 'store' | 'master' | 'webSocket'>
}

/** Nothing can be scheduled more often. */
const EVERY = Duration.minutes(1)
/** An invocation that somebody listens to lasts until the next one is due, and then has ten seconds to end. */
const TIMEOUT = Duration.seconds(70)
const SILENT = Duration.minutes(15)

/** The function `watch` and its schedule, one for all streams: closes slides of trends, looks at rates, pushes both. */
export class Watch extends Construct {
  readonly function: WeirFunction

  constructor(scope: Construct, id: string, { shared }: WatchProps) {
    super(scope, id)
    const { settings, codeOf, environment, store, master, webSocket } = shared
    this.function = new WeirFunction(this, 'Function', {
      functionName: `weir-${settings.site}-watch`,
      description: 'closes slides of trends, looks at rates, raises and pushes what they say',
      code: codeOf('watch'),
      environment: { ...environment },
      // While somebody listens it is paid for all the time.
      memoryMb: 1024,
      timeout: TIMEOUT,
    })
    store.grantUse(this.function.role)
    master.grantRead(this.function.role, ['board', 'batch', 'models', 'alerts', 'trends'])
    master.grantWrite(this.function.role, ['alerts', 'trends'])
    webSocket.grantPush(this.function.role)
    this.#schedule()
  }

  watch(alarms: Alarms): void {
    watchFunction(alarms, 'watch', this.function)
    alarms.add('watch-late', {
      description: `It has not run for ${SILENT.toMinutes()} minutes, or never comes to its end`,
      metric: this.function.lambda.metricDuration({ statistic: 'Minimum', period: EVERY }),
      threshold: TIMEOUT.toMilliseconds() - 1_000,
      over: SILENT,
      silenceIsBad: true,
    })
  }

  #schedule(): void {
    const role = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com'),
    })
    const { functionArn: arn } = this.function.lambda
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [arn] }))
    // The next minute does the work of one that failed.
    const retryPolicy = { maximumRetryAttempts: 0, maximumEventAgeInSeconds: EVERY.toSeconds() }
    new Schedule(this, 'Every', {
      description: 'What is due by time: slides, rates, what has not been pushed',
      schedule: ScheduleExpression.rate(EVERY),
      target: { bind: () => ({ arn, role, input: ScheduleTargetInput.fromObject({}), retryPolicy }) },
    })
  }
}
