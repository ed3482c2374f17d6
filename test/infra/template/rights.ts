import { expect, test } from 'vitest'
import { ofType, type Resource, resourcesWith } from './synth.ts'

interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: unknown
}

const resources = resourcesWith()
const policies = ofType(resources, 'AWS::IAM::Policy')

function statements({ Properties }: Resource): readonly Statement[] {
  return (Properties.PolicyDocument as { Statement: readonly Statement[] }).Statement
}

function actions({ Action }: Statement): readonly string[] {
  return typeof Action === 'string' ? [Action] : Action
}

test.each(policies)('%s allows no action by wildcard', (_, policy) => {
  for (const action of statements(policy).flatMap(actions)) expect(action).not.toContain('*')
})

/** Services that know no resources for what they are asked here. */
const WITHOUT_RESOURCES = /^(ec2|xray|logs):/

test.each(policies)('%s names the resource wherever the service knows one', (_, policy) => {
  for (const statement of statements(policy)) {
    if (statement.Resource !== '*') continue
    for (const action of actions(statement)) expect(action).toMatch(WITHOUT_RESOURCES)
  }
})

test('nobody may scan the table or reach Kafka by wildcard, but for the numbered slots of ingest', () => {
  const all = policies.flatMap(([, policy]) => statements(policy))
  expect(all.flatMap(actions)).not.toContain('dynamodb:Scan')
  const kafka = all.filter((statement) =>
    actions(statement).some((action) => action.startsWith('kafka-cluster:')),
  )
  expect(kafka.length).toBeGreaterThan(0)
  for (const { Resource: on } of kafka)
    expect(JSON.stringify(on).replace('/weir/main/sensors/ingest-*', '')).not.toContain('*')
})

test('every stage reads exactly its topic, in exactly its group', () => {
  const reading = policies
    .filter(([id]) => id.startsWith('StreamsSensors'))
    .map(([id, policy]) => {
      const own = statements(policy)
      const topics = own.filter((statement) => actions(statement).includes('kafka-cluster:ReadData'))
      const groups = own.filter((statement) => actions(statement).includes('kafka-cluster:AlterGroup'))
      return { id, topics: topics.length, groups: groups.map(({ Resource: on }) => JSON.stringify(on)) }
    })
  expect(reading).toHaveLength(4)
  for (const { topics, groups } of reading) {
    expect(topics).toBe(1)
    expect(groups).toEqual([expect.stringMatching(/group\/weir-main.*\/weir-main-sensors\.\w+\.g1-\w+/)])
  }
})

test('only notify, socket and watch may push', () => {
  const pushing = policies.filter(([, policy]) =>
    JSON.stringify(policy).includes('execute-api:ManageConnections'),
  )
  expect(pushing.map(([id]) => id.replace(/Role.*/, '')).sort()).toEqual([
    'Socket',
    'StreamsSensorsNotify',
    'WatchFunction',
  ])
})

test('no role of a function carries a managed policy', () => {
  for (const [id, { Properties }] of ofType(resources, 'AWS::IAM::Role')) {
    if (!/^(StreamsSensors|Socket|Train)/.test(id)) continue
    expect(Properties).not.toHaveProperty('ManagedPolicyArns')
  }
})
