import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ofType, resourcesWith } from './synth.ts'

const resources = resourcesWith({ alarmEmail: 'ops@example.com' })

test('functions run on Node 24 on arm64, traced, and log to groups that end', () => {
  const own = ofType(resources, 'AWS::Lambda::Function').filter(([id]) =>
    /^(StreamsSensors|Socket|Train)/.test(id),
  )
  expect(own).toHaveLength(6)
  for (const [, { Properties }] of own) {
    expect(Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      TracingConfig: { Mode: 'Active' },
    })
    expect(Number(Properties.Timeout)).toBeLessThanOrEqual(900)
    const { Variables } = Properties.Environment as { Variables: Record<string, unknown> }
    expect(Object.keys(Variables)).toEqual(
      expect.arrayContaining(['WEIR_SITE', 'WEIR_EPOCH_MS', 'WEIR_TABLE', 'WEIR_BUCKET', 'WEIR_WS_ENDPOINT']),
    )
  }
  for (const [, { Properties }] of ofType(resources, 'AWS::Logs::LogGroup'))
    expect(Properties.RetentionInDays).toBe(30)
})

test('to connect is an IAM right; the other routes belong to an authorized connection', () => {
  const routes = ofType(resources, 'AWS::ApiGatewayV2::Route')
    .filter(([id]) => id.startsWith('WebSocket'))
    .map(([, { Properties }]) => Properties)
  const auth = Object.fromEntries(routes.map((route) => [route.RouteKey, route.AuthorizationType]))
  expect(auth).toEqual({ $connect: 'AWS_IAM', $disconnect: 'NONE', $default: 'NONE' })
})

test('access logs never hold the query string, which carries the signature', () => {
  const stages = ofType(resources, 'AWS::ApiGatewayV2::Stage').filter(([id]) => id.startsWith('WebSocket'))
  expect(stages).toHaveLength(1)
  const { Format } = stages.map(([, { Properties }]) => Properties.AccessLogSettings)[0] as { Format: string }
  expect(Object.values(JSON.parse(Format))).toEqual(
    expect.arrayContaining(['$context.routeKey', '$context.status', '$context.connectionId']),
  )
  expect(Format).not.toMatch(/querystring|path|authorizer|identity/i)
})

const alarms = ofType(resources, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties)
const alarmNames = alarms.map((alarm) => String(alarm.AlarmName))

test('every alarm reaches people, when it is raised and when it is over', () => {
  for (const alarm of alarms) {
    expect(alarm.AlarmActions).toHaveLength(1)
    expect(alarm.OKActions).toHaveLength(1)
  }
  const subscriptions = ofType(resources, 'AWS::SNS::Subscription').map(([, { Properties }]) => Properties)
  expect(subscriptions).toEqual([expect.objectContaining({ Protocol: 'email', Endpoint: 'ops@example.com' })])
})

test('every stage is watched for gaps, failures, errors, throttles, lag and drops', () => {
  for (const stage of ['score', 'count', 'archive', 'notify'])
    for (const kind of ['failing', 'errors', 'throttles', 'lag', 'dropped'])
      expect(alarmNames).toContain(`weir-main-sensors-${stage}-${kind}`)
  for (const stage of ['count', 'archive', 'notify'])
    expect(alarmNames).toContain(`weir-main-sensors-${stage}-gap`)
})

test('every alarm has a row in docs/operations.md', () => {
  const page = readFileSync('docs/operations.md', 'utf8')
  for (const name of alarmNames) {
    const kind = name
      .replace(/^weir-main-/, '')
      .replace(/^sensors-(score|count|archive|notify)-/, 'STREAM-STAGE-')
      .replace(
        /^(socket|train|compact|plan|recompute|merge|publish|expire|query|ingest|watch)-(?=errors|throttles)/,
        'FUNCTION-',
      )
      .replace(/^sensors-recompute-late$/, 'STREAM-recompute-late')
      .replace(/-\d+$/, '-N')
      .replace(/^table-.*/, 'table-OPERATION')
    expect(page, name).toContain(`\`${kind}\``)
  }
})

test('the daily execution trains every stream that has a detector', () => {
  const schedules = ofType(resources, 'AWS::Scheduler::Schedule')
    .filter(([id]) => id.startsWith('Training'))
    .map(([, { Properties }]) => Properties)
  expect(schedules).toHaveLength(1)
  expect(schedules[0]?.Target).toMatchObject({ Input: '{"streams":[{"stream":"sensors"}]}' })
})
