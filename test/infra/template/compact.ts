import { expect, test } from 'vitest'
import { ofType, resourcesWith } from './synth.ts'

const resources = resourcesWith()

test('compact runs every half an hour for each stream', () => {
  const schedules = ofType(resources, 'AWS::Scheduler::Schedule').filter(([id]) => id.startsWith('Compact'))
  expect(schedules.map(([, { Properties }]) => Properties)).toEqual([
    expect.objectContaining({
      ScheduleExpression: 'rate(30 minutes)',
      State: 'ENABLED',
      Target: expect.objectContaining({ Input: '{"stream":"sensors"}' }),
    }),
  ])
})

test('compact touches the master and the boards in the bucket, and nothing of Kafka or of connections', () => {
  const [[, policy] = []] = ofType(resources, 'AWS::IAM::Policy').filter(([id]) =>
    id.startsWith('CompactFunctionRole'),
  )
  const text = JSON.stringify(policy?.Properties)
  for (const action of ['s3:GetObject', 's3:ListBucket', 's3:PutObject', 's3:DeleteObject', 'dynamodb:Query'])
    expect(text).toContain(action)
  const prefixes = [...text.matchAll(/\/(\w+)\/\*/g)].map(([, prefix]) => prefix)
  expect(new Set(prefixes)).toEqual(new Set(['board', 'master']))
  for (const denied of ['kafka', 'execute-api', 'models', 'alerts', 'large', 'Scan'])
    expect(text).not.toContain(denied)
})
