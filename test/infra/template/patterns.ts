import { Template } from 'aws-cdk-lib/assertions'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineStream } from '../../../lib/stream/define.ts'
import { sensors } from './sensors.ts'
import { appWith, ofType, type Resource } from './synth.ts'

const doors = defineStream({
  name: 'doors',
  title: 'Doors',
  description: 'Who was let in',
  format: { name: 'json', compile: () => (bytes) => JSON.parse(bytes.toString()) },
  schema: z.object({ badge: z.string(), door: z.string() }),
  key: ({ badge }) => badge,
  views: {
    tried: {
      title: 'Doors tried',
      groupBy: ['badge'],
      slotMs: 60_000,
      aggregates: { doors: { kind: 'distinct', field: 'door' } },
    },
  },
  patterns: {
    wandering: {
      kind: 'threshold',
      title: 'Wandering',
      severity: 'low',
      view: 'tried',
      aggregate: 'doors',
      limit: 10,
      windowMs: 300_000,
    },
  },
  partitions: 1,
})

const resources = Template.fromStack(appWith({}, { streams: [sensors, doors] }).stack).toJSON()
  .Resources as Record<string, Resource>

function policyOf(start: string): string {
  return ofType(resources, 'AWS::IAM::Policy')
    .filter(([id]) => id.startsWith(start))
    .map(([, policy]) => JSON.stringify(policy))
    .join()
}

test('count may write alerts and push them where its stream has patterns, and nowhere else', () => {
  const raises = policyOf('StreamsDoorsCount')
  expect(raises).toContain('execute-api:ManageConnections')
  expect(raises).toContain('/alerts/*')
  expect(raises).toContain('/board/*')
  const counts = policyOf('StreamsSensorsCount')
  expect(counts).not.toContain('execute-api:ManageConnections')
  expect(counts).not.toContain('/alerts/*')
  expect(counts).toContain('/board/*')
})
