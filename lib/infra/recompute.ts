import { readFileSync } from 'node:fs'
import { ArnFormat, Duration, Stack } from 'aws-cdk-lib'
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler'
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets'
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { topicName } from '../stream/topic.ts'
import { acknowledgeWildcard } from './nag.ts'
import { RECOMPUTE_STEPS, type RecomputeStepSettings } from './recompute-steps.ts'
import type { Shared } from './stream-pipeline.ts'
import { WeirFunction } from './weir-function.ts'

/** The definition with `${...}` substitutions, the same file that runs on one machine. */
export const RECOMPUTE_DEFINITION = new URL('./recompute.asl.json', import.meta.url)

export interface RecomputeProps {
  readonly shared: Pick<Shared, 'settings' | 'codeOf' | 'environment' | 'store' | 'master' | 'kafka'>
  readonly streams: readonly string[]
}

/** How often each stream's views are recomputed: as often as an epoch ends, and hourly at most. */
const OFTEN_MINUTES = 60

/** The batch layer: its functions, the state machine that calls them, and a schedule for each stream. */
export class Recompute extends Construct {
  readonly stateMachine: StateMachine
  readonly functions: readonly { readonly name: string; readonly function: WeirFunction }[]

  constructor(scope: Construct, id: string, props: RecomputeProps) {
    super(scope, id)
    this.functions = RECOMPUTE_STEPS.map((step) => ({
      name: step.name,
      function: this.#function(step, props),
    }))
    const logs = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH })
    const name = `weir-${props.shared.settings.site}-recompute`
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineName: name,
      // Children of a distributed map are executions of this very type.
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(readFileSync(RECOMPUTE_DEFINITION, 'utf8')),
      definitionSubstitutions: Object.fromEntries(
        this.functions.map(({ name, function: { lambda } }) => [
          `${capital(name)}FunctionArn`,
          lambda.functionArn,
        ]),
      ),
      logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: true },
      tracingEnabled: true,
      timeout: Duration.hours(6),
    })
    this.#grant(name)
    for (const stream of props.streams) this.#schedule(stream, props)
  }

  #function(step: RecomputeStepSettings, { shared, streams }: RecomputeProps): WeirFunction {
    const { settings, codeOf, environment, store, master } = shared
    const kafka = step.asksLog ? shared.kafka : undefined
    const made = new WeirFunction(this, capital(step.name), {
      functionName: `weir-${settings.site}-${step.name}`,
      description: step.purpose,
      code: codeOf(step.name),
      memoryMb: step.memoryMb,
      // Steps have up to 15 minutes; more work is more children.
      timeout: Duration.minutes(15),
      environment: {
        ...environment,
        ...(kafka === undefined
          ? {}
          : { WEIR_BROKERS: kafka.cluster.bootstrapBrokers, WEIR_KAFKA_AUTH: 'iam' }),
      },
      ...(kafka === undefined
        ? {}
        : {
            vpc: { vpc: kafka.network.vpc, subnets: kafka.network.subnets, group: kafka.network.clientGroup },
          }),
    })
    store.grantUse(made.role)
    master.grantRead(made.role, step.reads)
    master.grantWrite(made.role, step.writes)
    if (kafka === undefined) return made
    const allow = (action: string, ...resources: string[]) =>
      made.role.addToPolicy(new PolicyStatement({ actions: [action], resources }))
    allow('kafka-cluster:Connect', kafka.cluster.clusterArn)
    // For the number of partitions and their ends: it reads no record.
    const topics = streams.map((stream) => kafka.cluster.arnOf('topic', topicName(stream, 'raw')))
    if (topics.length > 0) allow('kafka-cluster:DescribeTopic', ...topics)
    return made
  }

  /**
   * A distributed map starts executions of its own state machine, and stops them. In a policy of its own: the machine waits
   * for its role's default policy, and this one names the machine.
   */
  #grant(name: string): void {
    const { stateMachine } = this
    stateMachine.addToRolePolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: this.functions.map(({ function: { lambda } }) => lambda.functionArn),
      }),
    )
    // As the documentation of distributed maps has them, and as their children are called.
    const own = [`${name}:*`, `${name}/*`]
    const children = new Policy(this, 'Children', { roles: [stateMachine.role] })
    children.addStatements(
      new PolicyStatement({ actions: ['states:StartExecution'], resources: [stateMachine.stateMachineArn] }),
      new PolicyStatement({
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: own.map((executions) =>
          Stack.of(this).formatArn({
            service: 'states',
            resource: 'execution',
            resourceName: executions,
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ),
      }),
    )
    for (const executions of own)
      acknowledgeWildcard(
        children,
        `arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:${executions}`,
        'Executions of this very machine: their names are made as they start.',
      )
    acknowledgeWildcard(stateMachine, '*', 'Log delivery and X-Ray know no resources.')
  }

  #schedule(stream: string, { shared: { settings } }: RecomputeProps): void {
    new Schedule(this, `Every-${stream}`, {
      description: `Recomputes the views of ${stream}`,
      schedule: ScheduleExpression.rate(Duration.minutes(Math.max(OFTEN_MINUTES, settings.epochMinutes))),
      target: new StepFunctionsStartExecution(this.stateMachine, {
        input: ScheduleTargetInput.fromObject({ stream }),
        // A run that is refused because another is under way needs no second try: the next one covers its epochs too.
        retryAttempts: 3,
      }),
    })
  }
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
