import { Stack } from 'aws-cdk-lib'
import {
  CfnStage,
  CorsHttpMethod,
  HttpApi,
  HttpMethod,
  HttpStage,
  PayloadFormatVersion,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { ROUTES } from '../serve/query-api/routes.ts'
import type { WeirFunction } from './weir-function.ts'

/**
 * The HTTP query API of docs/openapi.yaml. To ask is an IAM right, as to connect to the WebSocket is: the caller signs its
 * requests (Signature Version 4), and access is given and taken away where all other access is.
 */
export class QueryApi extends Construct {
  /** Without a slash at its end: https://... */
  readonly url: string

  constructor(scope: Construct, id: string, query: WeirFunction) {
    super(scope, id)
    const api = new HttpApi(this, 'Api', {
      apiName: `${Stack.of(this).stackName}-query`,
      description: 'Answers from views: docs/openapi.yaml',
      createDefaultStage: false,
      defaultAuthorizer: new HttpIamAuthorizer(),
      // Who may ask is decided by the signature, not by the page that asks.
      corsPreflight: {
        allowMethods: [CorsHttpMethod.GET],
        allowOrigins: ['*'],
        allowHeaders: ['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'],
      },
    })
    const integration = new HttpLambdaIntegration('Query', query.lambda, {
      payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
    })
    for (const { path } of ROUTES) api.addRoutes({ path, methods: [HttpMethod.GET], integration })
    const stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: 100, burstLimit: 200 },
      detailedMetricsEnabled: true,
    })
    this.#log(stage)
    this.url = api.apiEndpoint
  }

  /** Who asks and how it ends, without the path and the query string: they hold keys, which are values of records. */
  #log(stage: HttpStage): void {
    const logs = new LogGroup(this, 'AccessLogs', { retention: RetentionDays.ONE_MONTH })
    const resource = stage.node.defaultChild
    if (!(resource instanceof CfnStage)) throw new Error('an HttpStage is expected to hold a CfnStage')
    resource.accessLogSettings = {
      destinationArn: logs.logGroupArn,
      format: JSON.stringify({
        time: '$context.requestTime',
        route: '$context.routeKey',
        status: '$context.status',
        latencyMs: '$context.responseLatency',
        error: '$context.error.message',
      }),
    }
  }
}
