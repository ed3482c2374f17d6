import { expect, test } from 'vitest'
import { ofType, type Resource, resourcesWith } from './synth.ts'

const resources = resourcesWith()

function only(type: string, from: Record<string, Resource> = resources): Resource {
  const found = ofType(from, type)
  expect(found).toHaveLength(1)
  return found[0]?.[1] as Resource
}

function brokerSettings(from: Record<string, Resource> = resources): Record<string, string> {
  const text = String(only('AWS::MSK::Configuration', from).Properties.ServerProperties)
  return Object.fromEntries(text.split('\n').map((line) => line.split('=') as [string, string]))
}

function topicSettings(topic: Resource): Record<string, string> {
  return JSON.parse(Buffer.from(String(topic.Properties.Configs), 'base64').toString())
}

test('brokers stamp append times, keep acknowledged records on two of three, and invent no topics', () => {
  expect(brokerSettings()).toMatchObject({
    'log.message.timestamp.type': 'LogAppendTime',
    'min.insync.replicas': '2',
    'default.replication.factor': '3',
    'unclean.leader.election.enable': 'false',
    'auto.create.topics.enable': 'false',
  })
})

test('the cluster spans three zones and takes IAM over TLS only', () => {
  const { Properties } = only('AWS::MSK::Cluster')
  expect(Properties).toMatchObject({
    NumberOfBrokerNodes: 3,
    BrokerNodeGroupInfo: { InstanceType: 'kafka.m7g.large' },
    ClientAuthentication: { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } },
    EncryptionInfo: { EncryptionInTransit: { ClientBroker: 'TLS', InCluster: true } },
  })
  const zones = ofType(resources, 'AWS::EC2::Subnet').map(([, subnet]) => subnet.Properties.AvailabilityZone)
  expect(new Set(zones.map((zone) => JSON.stringify(zone))).size).toBe(3)
})

test('a stream has two topics with as many partitions, and enriched is made and grown first', () => {
  const topics = ofType(resources, 'AWS::MSK::Topic')
  const byName = new Map(topics.map(([id, topic]) => [String(topic.Properties.TopicName), { id, topic }]))
  const raw = byName.get('sensors.raw.g1')
  const enriched = byName.get('sensors.enriched.g1')
  expect(topics).toHaveLength(2)
  expect(raw?.topic.Properties.PartitionCount).toBe(6)
  expect(enriched?.topic.Properties.PartitionCount).toBe(6)
  expect(raw?.topic.DependsOn).toContain(enriched?.id)
  for (const [, topic] of topics) {
    expect(topic.Properties.ReplicationFactor).toBe(3)
    expect(topicSettings(topic)).toEqual({
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': '604800000',
      'min.insync.replicas': '2',
      'unclean.leader.election.enable': 'false',
    })
  }
})

test('express brokers get no setting that the service fixes, and no volume', () => {
  const express = resourcesWith({ kafka: 'express' })
  const { Properties } = only('AWS::MSK::Cluster', express)
  expect(Properties.BrokerNodeGroupInfo).toMatchObject({ InstanceType: 'express.m7g.large' })
  expect(Properties.BrokerNodeGroupInfo).not.toHaveProperty('StorageInfo')
  expect(brokerSettings(express)).toEqual({
    'log.message.timestamp.type': 'LogAppendTime',
    'auto.create.topics.enable': 'false',
  })
})

test('without Kafka there is neither cluster nor network nor mapping, and everything else', () => {
  const types = new Set(Object.values(resourcesWith({ kafka: 'none' })).map(({ Type }) => Type))
  for (const absent of [
    'AWS::MSK::Cluster',
    'AWS::MSK::Topic',
    'AWS::EC2::VPC',
    'AWS::Lambda::EventSourceMapping',
  ])
    expect(types).not.toContain(absent)
  for (const present of [
    'AWS::DynamoDB::Table',
    'AWS::ApiGatewayV2::Api',
    'AWS::StepFunctions::StateMachine',
  ])
    expect(types).toContain(present)
})

test('the network has no way in and no way out but the free endpoints of S3 and DynamoDB', () => {
  for (const absent of ['AWS::EC2::NatGateway', 'AWS::EC2::InternetGateway'])
    expect(ofType(resources, absent)).toEqual([])
  const endpoints = ofType(resources, 'AWS::EC2::VPCEndpoint').map(([, { Properties }]) => Properties)
  expect(endpoints).toHaveLength(2)
  for (const endpoint of endpoints) expect(endpoint.VpcEndpointType).toBe('Gateway')
})

test('only what speaks Kafka is inside the VPC, knows the brokers and may append', () => {
  const functions = ofType(resources, 'AWS::Lambda::Function').filter(([id]) =>
    /^StreamsSensors|^Ingest|^Socket|^Train/.test(id),
  )
  expect(functions).toHaveLength(7)
  const inside = functions
    .filter(([, { Properties }]) => Properties.VpcConfig !== undefined)
    .map(([id]) => id)
  expect(inside.sort()).toEqual([
    expect.stringMatching(/^IngestApiFunction/),
    expect.stringMatching(/^StreamsSensorsScoreFunction/),
  ])
  const knowing = functions.filter(([, resource]) => JSON.stringify(resource).includes('WEIR_BROKERS'))
  expect(knowing.map(([id]) => id).sort()).toEqual(inside)
  const writing = ofType(resources, 'AWS::IAM::Policy').filter(([, policy]) =>
    JSON.stringify(policy).includes('kafka-cluster:WriteData"'),
  )
  expect(writing.map(([id]) => id).sort()).toEqual([
    expect.stringMatching(/^IngestApiFunctionRole/),
    expect.stringMatching(/^StreamsSensorsScoreRole/),
  ])
})

test('who speaks to the brokers reaches them on the IAM port and on no other', () => {
  const ingress = ofType(resources, 'AWS::EC2::SecurityGroupIngress').map(([, { Properties }]) => Properties)
  expect(ingress).toHaveLength(2)
  for (const rule of ingress)
    expect(rule).toMatchObject({ FromPort: 9098, ToPort: 9098, SourceSecurityGroupId: expect.anything() })
})
