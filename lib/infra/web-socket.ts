import { RemovalPolicy, Stack } from 'aws-cdk-lib'
import { CfnAccount } from 'aws-cdk-lib/aws-apigateway'
import { CfnStage, WebSocketApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import { WebSocketIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { acknowledge, acknowledgeWildcard, logicalId } from './nag.ts'
import type { WeirFunction } from './weir-function.ts'

const STAGE = 'v1'
const LOG_POLICY = 'service-role/AmazonAPIGatewayPushToCloudWatchLogs'

/**
 * The WebSocket API that alerts are pushed through. To connect is an IAM right: the client signs the URL with its own
 * credentials (Signature Version 4 in the query string, all a browser can send), good for five minutes. So there is no
 * code of ours and no secret of ours on the way in, and access is given and taken away where all other access is.
 */
export class WebSocket extends Construct {
  readonly api: WebSocketApi
  /** Where clients connect: wss://... */
  readonly url: string
  /** Where frames are posted to: https://... */
  readonly connectionsUrl: string

  constructor(scope: Construct, id: string) {
    super(scope, id)
    this.api = new WebSocketApi(this, 'Api', {
      apiName: Stack.of(this).stackName,
      description: 'Alerts and live figures: docs/asyncapi.yaml',
      routeSelectionExpression: '$request.body.action',
    })
    const stage = new WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName: STAGE,
      autoDeploy: true,
      throttle: { rateLimit: 500, burstLimit: 1000 },
      detailedMetricsEnabled: true,
    })
    this.#log(stage)
    this.url = stage.url
    const { region, urlSuffix } = Stack.of(this)
    this.connectionsUrl = `https://${this.api.apiId}.execute-api.${region}.${urlSuffix}/${STAGE}`
  }

  /** Routes everything to the socket function. Its environment may name the API, which must not depend on it. */
  serve({ lambda }: WeirFunction): void {
    const integration = (name: string) => new WebSocketLambdaIntegration(name, lambda)
    const authorizer = new WebSocketIamAuthorizer()
    this.api.addRoute('$connect', { integration: integration('Connect'), authorizer })
    const open = ['$disconnect', '$default'].map((route) =>
      this.api.addRoute(route, { integration: integration(route.slice(1)) }),
    )
    for (const route of open)
      acknowledge(route, {
        'AwsSolutions-APIG4':
          'API Gateway authorizes a WebSocket at $connect only; every later message belongs to that authorized connection.',
      })
  }

  grantPush(role: Role): void {
    role.addToPolicy(
      new PolicyStatement({
        actions: ['execute-api:ManageConnections'],
        resources: [this.api.arnForExecuteApiV2(`POST/@connections/*`, STAGE)],
      }),
    )
    acknowledgeWildcard(
      role,
      `arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<${logicalId(this.api)}>/${STAGE}/POST/@connections/*`,
      'Connection ids are chosen by API Gateway when a client connects.',
    )
  }

  /** Who connects and how it ends, without the query string: it carries the signature. */
  #log(stage: WebSocketStage): void {
    const logs = new LogGroup(this, 'AccessLogs', { retention: RetentionDays.ONE_MONTH })
    const resource = stage.node.defaultChild
    if (!(resource instanceof CfnStage)) throw new Error('a WebSocketStage is expected to hold a CfnStage')
    resource.accessLogSettings = {
      destinationArn: logs.logGroupArn,
      format: JSON.stringify({
        time: '$context.requestTime',
        route: '$context.routeKey',
        event: '$context.eventType',
        connection: '$context.connectionId',
        status: '$context.status',
        error: '$context.error.message',
      }),
    }
    resource.addResourceDependency(this.#logRights())
  }

  /** A WebSocket API logs only where the account as a whole lets API Gateway write logs; kept when the stack goes. */
  #logRights(): CfnAccount {
    const role = new Role(this, 'LogRole', {
      assumedBy: new ServicePrincipal('apigateway.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(LOG_POLICY)],
    })
    role.applyRemovalPolicy(RemovalPolicy.RETAIN)
    acknowledge(role, {
      [`AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${LOG_POLICY}]`]:
        'API Gateway asks for this very policy on its account-wide logging role.',
    })
    const account = new CfnAccount(this, 'LogRights', { cloudWatchRoleArn: role.roleArn })
    account.applyRemovalPolicy(RemovalPolicy.RETAIN)
    return account
  }
}
