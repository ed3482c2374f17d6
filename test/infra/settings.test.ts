import { expect, test } from 'vitest'
import { readSettings } from '../../lib/infra/settings.ts'

const read = (context: Readonly<Record<string, unknown>>) => readSettings((name) => context[name])

test('a deployment needs no settings', () => {
  expect(read({})).toMatchObject({ site: 'main', kafka: 'standard', brokers: 3, retentionDays: 7 })
})

test('numbers come as text from the command line and as numbers from cdk.json', () => {
  expect(read({ retentionDays: '14' }).retentionDays).toBe(14)
  expect(read({ retentionDays: 14 }).retentionDays).toBe(14)
  expect(read({ disposable: true }).disposable).toBe(true)
})

test.each([
  [{ site: 'Main Site' }, /"site".*"Main Site"/],
  [{ kafka: 'serverless' }, /"kafka" must be one of standard, express, none, got "serverless"/],
  [{ brokers: 4 }, /"brokers" must be a multiple of 3 zones, got 4/],
  [{ retentionDays: 'week' }, /"retentionDays".*"week"/],
  [{ retentionDays: 0 }, /"retentionDays"/],
  [{ epochMinutes: 7 }, /"epochMinutes" must divide a day, got 7/],
  [{ brokerSize: 't3.small' }, /"brokerSize"/],
  [{ kafkaVersion: 'latest' }, /"kafkaVersion"/],
  [{ alarmEmail: 'nobody' }, /"alarmEmail"/],
  [{ rewind: 'counts:1' }, /"rewind" takes STAGE:N.*"counts:1"/],
])('%o is refused with its name and value', (context, message) => {
  expect(() => read(context)).toThrow(message)
})
