import { readFileSync } from 'node:fs'
import { Duration, TimeZone } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler'
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets'
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { acknowledgeWildcard } from './nag.ts'
import type { WeirFunction } from './weir-function.ts'

/** The definition with `${...}` substitutions, the same file that runs on one machine. */
export const TRAINING_DEFINITION = new URL('./train.asl.json', import.meta.url)

export interface TrainingProps {
  readonly train: WeirFunction
  /** Names of the streams whose definition has a detector. */
  readonly streams: readonly string[]
}

/** The state machine that trains, once a day. Beside the recompute: models are good for longer than views, and cost more. */
export class Training extends Construct {
  readonly stateMachine: StateMachine

  constructor(scope: Construct, id: string, { train, streams }: TrainingProps) {
    super(scope, id)
    const logs = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH })
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(readFileSync(TRAINING_DEFINITION, 'utf8')),
      definitionSubstitutions: { TrainFunctionArn: train.lambda.functionArn },
      logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: true },
      tracingEnabled: true,
      timeout: Duration.hours(6),
    })
    this.stateMachine.addToRolePolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [train.lambda.functionArn] }),
    )
    acknowledgeWildcard(this.stateMachine, '*', 'Log delivery and X-Ray know no resources.')
    if (streams.length > 0) this.#daily(streams)
  }

  #daily(streams: readonly string[]): void {
    const input = { streams: streams.map((stream) => ({ stream })) }
    new Schedule(this, 'Daily', {
      description: 'Trains every stream that has a detector',
      schedule: ScheduleExpression.cron({ hour: '3', minute: '17', timeZone: TimeZone.ETC_UTC }),
      target: new StepFunctionsStartExecution(this.stateMachine, {
        input: ScheduleTargetInput.fromObject(input),
        retryAttempts: 10,
      }),
    })
  }
}
