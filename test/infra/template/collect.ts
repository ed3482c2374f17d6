import { expect, test } from 'vitest'
import { ofType, type Resource, resourcesWith } from './synth.ts'

interface Statement {
  readonly Action: string | readonly string[]
  readonly Resource: unknown
}

const resources = resourcesWith()

function statements({ Properties }: Resource): readonly Statement[] {
  return (Properties.PolicyDocument as { Statement: readonly Statement[] }).Statement
}

/** What a policy allows: each action with its resources, as text without the names that CloudFormation fills in. */
function allowed(policy: Resource): Record<string, string> {
  return Object.fromEntries(
    statements(policy).flatMap(({ Action, Resource: on }) => {
      const where = JSON.stringify(on).replace(/\{"Ref":"AWS::\w+"\}|"/g, '')
      return (typeof Action === 'string' ? [Action] : Action).map((action) => [action, where])
    }),
  )
}

const FENCING = /kafka-cluster:(WriteDataIdempotently|AlterTransactionalId|DescribeTransactionalId)/

test('who collects a stream may append to raw and fence, and do nothing to other topics', () => {
  const policies = ofType(resources, 'AWS::IAM::ManagedPolicy')
  expect(policies).toHaveLength(1)
  const [, policy] = policies[0] ?? []
  if (policy === undefined) throw new Error('there is no policy')
  expect(policy.Properties.ManagedPolicyName).toBe('weir-main-sensors-collect')
  const rights = allowed(policy)
  const kafka = Object.keys(rights).filter((action) => action.startsWith('kafka'))
  expect(kafka.sort()).toEqual([
    'kafka-cluster:AlterTransactionalId',
    'kafka-cluster:Connect',
    'kafka-cluster:DescribeTopic',
    'kafka-cluster:DescribeTransactionalId',
    'kafka-cluster:ReadData',
    'kafka-cluster:WriteData',
    'kafka-cluster:WriteDataIdempotently',
  ])
  for (const action of ['WriteData', 'ReadData', 'DescribeTopic'])
    expect(rights[`kafka-cluster:${action}`]).toMatch(/SensorsTopicsRaw\w*,TopicArn/)
  for (const action of ['Connect', 'WriteDataIdempotently'])
    expect(rights[`kafka-cluster:${action}`]).toMatch(/^\{Fn::GetAtt:\[KafkaCluster\w+,Arn\]\}$/)
  const ids = rights['kafka-cluster:AlterTransactionalId'] ?? ''
  expect(ids).toContain('transactional-id/weir-main/')
  expect(ids).toContain('/weir/main/sensors/*')
  expect(ids).toContain('/weir/main/retry/sensors')
  expect(rights['kafka-cluster:DescribeTransactionalId']).toBe(ids)
})

test('of all functions only the one that takes requests may fence: appends of score carry no producer id', () => {
  for (const [id, policy] of ofType(resources, 'AWS::IAM::Policy'))
    if (!id.startsWith('Ingest')) expect(JSON.stringify(policy), id).not.toMatch(FENCING)
})

test('without Kafka there is nothing to collect into', () => {
  expect(ofType(resourcesWith({ kafka: 'none' }), 'AWS::IAM::ManagedPolicy')).toEqual([])
})
