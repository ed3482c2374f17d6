import { Duration } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  type IScheduleTarget,
  Schedule,
  ScheduleExpression,
  ScheduleTargetInput,
} from 'aws-cdk-lib/aws-scheduler'
import { Construct } from 'constructs'
import type { Shared } from './stream-pipeline.ts'
import { WeirFunction } from './weir-function.ts'

export interface CompactProps {
  readonly shared: Pick<Shared, 'settings' | 'codeOf' | 'environment' | 'store' | 'master'>
  readonly streams: readonly string[]
}

/** An hour's files are merged some time after it is over. */
const EVERY = Duration.minutes(30)

/** The function `compact` and its schedule, one for each stream: merges small files of the master and sweeps orphans. */
export class Compact extends Construct {
  readonly function: WeirFunction

  constructor(scope: Construct, id: string, { shared, streams }: CompactProps) {
    super(scope, id)
    const { settings, codeOf, environment, store, master } = shared
    this.function = new WeirFunction(this, 'Function', {
      functionName: `weir-${settings.site}-compact`,
      description: 'merges small files of the master, deletes what nothing refers to any more',
      code: codeOf('compact'),
      environment: { ...environment },
      // A file in the making, the one it grows from and a row group of both: under 1 GB. Lambda gives CPU in proportion.
      memoryMb: 3008,
      timeout: Duration.minutes(15),
    })
    store.grantUse(this.function.role)
    master.grantRead(this.function.role, ['master', 'board'])
    master.grantWrite(this.function.role, ['master', 'board'])
    const role = this.#schedulerRole()
    for (const stream of streams)
      new Schedule(this, `Every-${stream}`, {
        description: `Merges the small files of the master of ${stream}`,
        schedule: ScheduleExpression.rate(EVERY),
        target: this.#target(role, stream),
      })
  }

  /** Not LambdaInvoke's: that may invoke every version. */
  #schedulerRole(): Role {
    const role = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com'),
    })
    const { functionArn } = this.function.lambda
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functionArn] }))
    return role
  }

  #target(role: Role, stream: string): IScheduleTarget {
    const retryPolicy = { maximumRetryAttempts: 3, maximumEventAgeInSeconds: EVERY.toSeconds() }
    const input = ScheduleTargetInput.fromObject({ stream })
    return { bind: () => ({ arn: this.function.lambda.functionArn, role, input, retryPolicy }) }
  }
}
