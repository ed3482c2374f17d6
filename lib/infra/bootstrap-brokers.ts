import { Stack } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources'
import { Construct } from 'constructs'
import { acknowledge } from './nag.ts'

/** Where a cluster's brokers listen. CloudFormation has no attribute for it, so it is asked for once the cluster stands. */
export class BootstrapBrokers extends Construct {
  /** Comma-separated `host:port` of the listeners with IAM authentication: known at deployment only. */
  readonly brokers: string

  constructor(
    scope: Construct,
    id: string,
    cluster: { readonly clusterArn: string; readonly clusterName: string },
  ) {
    super(scope, id)
    const logs = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH })
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    logs.grantWrite(role)
    const rights = { actions: ['kafka:GetBootstrapBrokers'], resources: [cluster.clusterArn] }
    const answer = 'BootstrapBrokerStringSaslIam'
    const resource = new AwsCustomResource(this, 'Resource', {
      resourceType: 'Custom::KafkaBootstrapBrokers',
      onUpdate: {
        service: 'Kafka',
        action: 'GetBootstrapBrokers',
        parameters: { ClusterArn: cluster.clusterArn },
        outputPaths: [answer],
        physicalResourceId: PhysicalResourceId.of(`${cluster.clusterName}-bootstrap-brokers`),
      },
      role,
      policy: AwsCustomResourcePolicy.fromStatements([new PolicyStatement(rights)]),
      installLatestAwsSdk: false,
      memorySize: 256,
      logGroup: logs,
    })
    this.brokers = resource.getResponseField(answer)
    this.#acknowledge()
  }

  /** The function behind it is the CDK's own, one for the whole stack. */
  #acknowledge(): void {
    const provider = Stack.of(this).node.findChild('AWS679f53fac002430cb0da5b7982bd2287')
    acknowledge(provider, {
      'Serverless-LambdaDLQ': 'CloudFormation waits for its answer and fails the deployment without one.',
      'Serverless-LambdaTracing': 'Runs once a deployment.',
    })
  }
}
