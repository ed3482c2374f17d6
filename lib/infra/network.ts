import { Fn } from 'aws-cdk-lib'
import {
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'

/** Kafka's port for IAM authentication inside the VPC. */
const KAFKA_IAM_PORT = 9098
const ZONES = 3

/**
 * Three isolated subnets, one a zone, with no way in and none out but the gateway endpoints of S3 and DynamoDB, which
 * cost nothing. Provisioned pollers need neither NAT nor PrivateLink, and whatever must reach another service (the
 * WebSocket API, for one) is a function outside the VPC.
 */
export class Network extends Construct {
  readonly vpc: IVpc
  readonly subnets: readonly ISubnet[]
  /** Of the brokers, and of the pollers, which take the brokers' group. */
  readonly brokerGroup: ISecurityGroup
  /** Of the functions that speak Kafka. */
  readonly clientGroup: ISecurityGroup

  constructor(scope: Construct, id: string) {
    super(scope, id)
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.64.0.0/16'),
      // By number, not by name: an environment-agnostic Vpc with maxAzs: 3 gets two zones only.
      availabilityZones: Array.from({ length: ZONES }, (_, zone) => Fn.select(zone, Fn.getAzs())),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Kafka', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
      // A Vpc is an IVpc; its types just do not say so under exactOptionalPropertyTypes.
    }) as IVpc
    this.subnets = this.vpc.isolatedSubnets
    this.vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 })
    this.vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB })
    const flowLogs = new LogGroup(this, 'FlowLogs', { retention: RetentionDays.ONE_MONTH })
    this.vpc.addFlowLog('Flow', { destination: FlowLogDestination.toCloudWatchLogs(flowLogs) })
    this.brokerGroup = this.#group('Brokers', 'Kafka brokers and pollers')
    this.clientGroup = this.#group('Clients', 'Functions that speak Kafka')
    for (const peer of [this.brokerGroup, this.clientGroup])
      this.brokerGroup.addIngressRule(peer, Port.tcp(KAFKA_IAM_PORT), 'Kafka with IAM authentication')
  }

  #group(id: string, description: string): SecurityGroup {
    const group = new SecurityGroup(this, id, { vpc: this.vpc, description, allowAllOutbound: false })
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(KAFKA_IAM_PORT), 'Kafka with IAM authentication')
    // The gateway endpoints answer on public addresses; the isolated subnets route nothing else.
    group.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'S3 and DynamoDB through their gateway endpoints')
    return group
  }
}
