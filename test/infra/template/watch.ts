import { expect, test } from 'vitest'
import { ofType, resourcesWith } from './synth.ts'

const resources = resourcesWith()

test('watch runs once a minute for all streams, and a minute that failed is not made up for', () => {
  const schedules = ofType(resources, 'AWS::Scheduler::Schedule').filter(([id]) => id.startsWith('Watch'))
  expect(schedules.map(([, { Properties }]) => Properties)).toEqual([
    expect.objectContaining({
      ScheduleExpression: 'rate(1 minute)',
      State: 'ENABLED',
      Target: expect.objectContaining({
        Input: '{}',
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      }),
    }),
  ])
})

test('watch reads views, models and alerts, writes alerts and trends, pushes, and has nothing of Kafka or the master', () => {
  const [[, policy] = []] = ofType(resources, 'AWS::IAM::Policy').filter(([id]) =>
    id.startsWith('WatchFunctionRole'),
  )
  if (policy === undefined) throw new Error('the role of watch has no policy')
  const { Statement } = policy.Properties.PolicyDocument as {
    Statement: { readonly Action: string | string[]; readonly Resource: unknown }[]
  }
  const prefixesOf = (action: string) =>
    Statement.filter(({ Action }) => [Action].flat().includes(action)).flatMap(({ Resource }) =>
      [...JSON.stringify(Resource).matchAll(/\/(\w+)\/\*/g)].map(([, prefix]) => prefix),
    )
  expect(prefixesOf('s3:GetObject').sort()).toEqual(['alerts', 'batch', 'board', 'models', 'trends'])
  for (const action of ['s3:PutObject', 's3:DeleteObject'])
    expect(prefixesOf(action).sort()).toEqual(['alerts', 'trends'])
  const text = JSON.stringify(policy.Properties)
  for (const action of ['dynamodb:Query', 'dynamodb:PutItem', 'execute-api:ManageConnections'])
    expect(text).toContain(action)
  for (const denied of ['kafka', 'master/', 'large', 'Scan']) expect(text).not.toContain(denied)
})

test('the alarm is raised where watch does not run at all', () => {
  const alarms = ofType(resources, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties)
  expect(alarms.find(({ AlarmName }) => AlarmName === 'weir-main-watch-late')).toMatchObject({
    MetricName: 'Duration',
    TreatMissingData: 'breaching',
    Threshold: 69_000,
  })
})
