import { type Duration, RemovalPolicy } from 'aws-cdk-lib'
import type { ISecurityGroup, ISubnet, IVpc } from 'aws-cdk-lib/aws-ec2'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, type Code, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { acknowledge, acknowledgeWildcard } from './nag.ts'
import { SettingError } from './settings.ts'

export interface WeirFunctionProps {
  readonly functionName: string
  readonly description: string
  readonly code: Code
  readonly environment: Record<string, string>
  readonly memoryMb: number
  readonly timeout: Duration
  /** Only for what speaks Kafka. */
  readonly vpc?: { readonly vpc: IVpc; readonly subnets: readonly ISubnet[]; readonly group: ISecurityGroup }
}

/** Lambda's own needs inside a VPC. EC2 knows no resources for these. */
const NETWORK_INTERFACE_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeVpcs',
  'ec2:DescribeSubnets',
  'ec2:DescribeSecurityGroups',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
]

/** One Lambda function: Node 24 on arm64, its own role with exactly what it is granted, its own log group. */
export class WeirFunction extends Construct {
  readonly lambda: LambdaFunction
  readonly role: Role
  readonly logs: LogGroup

  constructor(scope: Construct, id: string, props: WeirFunctionProps) {
    super(scope, id)
    checkName(props.functionName)
    this.logs = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${props.functionName}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    // Not the managed policies: they allow every log group and every network interface of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    this.logs.grantWrite(this.role)
    if (props.vpc !== undefined) this.allowNetworkInterfaces()
    this.lambda = new LambdaFunction(this, 'Function', {
      functionName: props.functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: props.code,
      memorySize: props.memoryMb,
      timeout: props.timeout,
      environment: props.environment,
      role: this.role,
      logGroup: this.logs,
      tracing: Tracing.ACTIVE,
      ...(props.vpc === undefined
        ? {}
        : {
            vpc: props.vpc.vpc,
            vpcSubnets: { subnets: [...props.vpc.subnets] },
            securityGroups: [props.vpc.group],
          }),
    })
    this.#acknowledge()
  }

  #acknowledge(): void {
    acknowledge(this.lambda, {
      'Serverless-LambdaDLQ':
        'Its caller (a mapping, a route, a state machine) sees every failure and retries, or it is on a schedule and the next run does the work of one that failed; alarms tell of both.',
    })
    acknowledgeWildcard(
      this.role,
      '*',
      'X-Ray and network interfaces: neither service knows resources for these actions.',
    )
  }

  /** For a function inside a VPC, and for the pollers of its mapping, which act under its role. */
  allowNetworkInterfaces(): void {
    this.role.addToPolicy(new PolicyStatement({ actions: NETWORK_INTERFACE_ACTIONS, resources: ['*'] }))
  }
}

const NAME_CHARS_MAX = 64

function checkName(name: string): void {
  if (name.length <= NAME_CHARS_MAX) return
  throw new SettingError(
    `${name} is longer than the ${NAME_CHARS_MAX} characters of a function's name: choose a shorter name for site or stream`,
  )
}
