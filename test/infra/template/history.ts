import { Template } from 'aws-cdk-lib/assertions'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineStream } from '../../../lib/stream/define.ts'
import { sensors } from './sensors.ts'
import { appWith, ofType, type Resource } from './synth.ts'

/** A stream that looks up a view of its own. */
const visits = defineStream({
  name: 'visits',
  title: 'Visits',
  description: 'Of pages',
  format: { name: 'json', compile: () => (bytes) => JSON.parse(bytes.toString()) },
  schema: z.object({ page: z.string() }),
  enrich: {
    schema: z.object({ before: z.number() }),
    history: {
      past: { view: 'visits.byPage', key: ({ page }) => page, windowMs: 3_600_000, aggregates: ['count'] },
    },
    add: (_value, _tables, _version, { past }) => ({ before: past?.count ?? 0 }),
  },
  views: {
    byPage: {
      title: 'By page',
      groupBy: ['page'],
      slotMs: 3_600_000,
      aggregates: { count: { kind: 'count' } },
    },
  },
  partitions: 1,
})

test('score reads boards and batch views of a stream with a history, writes none, and reads none without', () => {
  const { stack } = appWith({ kafka: 'none' }, { streams: [sensors, visits] })
  const resources = Template.fromStack(stack).toJSON().Resources as Record<string, Resource>
  const objects = (id: string, action: string) =>
    ofType(resources, 'AWS::IAM::Policy')
      .filter(([name]) => name.startsWith(id))
      .flatMap(([, { Properties }]) => {
        const { Statement } = Properties.PolicyDocument as {
          Statement: { Action: unknown; Resource: unknown }[]
        }
        return Statement.filter(({ Action }) => [Action].flat().includes(action))
      })
      .flatMap(({ Resource: on }) =>
        [...JSON.stringify(on).matchAll(/\/([a-z]+)\/\*/g)].map(([, prefix]) => prefix),
      )
      .sort()
  const own = ['large', 'models', 'reference']
  expect(objects('StreamsSensorsScore', 's3:GetObject')).toEqual(own)
  expect(objects('StreamsVisitsScore', 's3:GetObject')).toEqual([...own, 'batch', 'board'].sort())
  expect(objects('StreamsVisitsScore', 's3:PutObject')).toEqual(['large'])
})
