import { expect, test } from 'vitest'
import { STAGES } from '../../../lib/infra/stages.ts'
import { ofType, resourcesWith } from './synth.ts'

const resources = resourcesWith()
const mappings = ofType(resources, 'AWS::Lambda::EventSourceMapping')

test('every stage of every stream has one mapping, of its own consumer group', () => {
  expect(mappings).toHaveLength(STAGES.length)
  const groups = mappings.map(([, { Properties }]) => Properties.AmazonManagedKafkaEventSourceConfig)
  expect(new Set(groups.map((group) => JSON.stringify(group))).size).toBe(STAGES.length)
})

test('a rewound stage reads from the start in a new consumer group, and only that stage', () => {
  const groupOf = (from: typeof mappings) =>
    from.map(([id, { Properties }]) => [id, JSON.stringify(Properties.AmazonManagedKafkaEventSourceConfig)])
  const rewound = groupOf(ofType(resourcesWith({ rewind: 'count:2' }), 'AWS::Lambda::EventSourceMapping'))
  const changed = rewound.filter(
    ([id, group]) => !groupOf(mappings).some(([i, g]) => i === id && g === group),
  )
  expect(changed).toEqual([
    [
      expect.stringMatching(/^StreamsSensorsCount/),
      '{"ConsumerGroupId":"weir-main-sensors.enriched.g1-count-2"}',
    ],
  ])
})

// docs/exactness.md, rule 3: anything else loses records behind the first one that fails often enough.
test.each(mappings)('%s never gives up', (_, { Properties }) => {
  expect(Properties.MaximumRetryAttempts).toBe(-1)
  expect(Properties.MaximumRecordAgeInSeconds).toBe(-1)
  expect(Properties.StartingPosition).toBe('TRIM_HORIZON')
  expect(Properties).not.toHaveProperty('DestinationConfig')
  expect(Properties).not.toHaveProperty('FilterCriteria')
  expect(Properties).not.toHaveProperty('StartingPositionTimestamp')
  expect(Properties.Enabled).not.toBe(false)
})

// Bisecting, partial answers and endless retries are honoured in provisioned mode only.
test.each(mappings)(
  '%s is in provisioned mode, shares its pollers and answers in part',
  (_, { Properties }) => {
    expect(Properties.ProvisionedPollerConfig).toEqual({
      MinimumPollers: 1,
      MaximumPollers: 6,
      PollerGroupName: 'weir-main',
    })
    expect(Properties.BisectBatchOnFunctionError).toBe(true)
    expect(Properties.FunctionResponseTypes).toEqual(['ReportBatchItemFailures'])
    expect(Properties.MetricsConfig).toEqual({ Metrics: ['EventCount', 'ErrorCount', 'KafkaMetrics'] })
  },
)

test.each([
  ['score', 'sensors.raw.g1', 0],
  ['count', 'sensors.enriched.g1', 5],
  ['archive', 'sensors.enriched.g1', 120],
  ['notify', 'sensors.enriched.g1', 0],
])('%s reads %s and gathers for %i s', (stage, topic, seconds) => {
  const found = mappings.filter(([id]) => id.toLowerCase().startsWith(`streamssensors${stage}mapping`))
  expect(found).toHaveLength(1)
  const properties = found[0]?.[1].Properties
  expect(properties?.Topics).toEqual([topic])
  // 0 must be written out: left out it means 500 ms a hop.
  expect(properties?.MaximumBatchingWindowInSeconds).toBe(seconds)
})

test.each(mappings)('%s is made after its topic and after the rights of its pollers', (_, mapping) => {
  const needed = mapping.DependsOn ?? []
  const types = needed.map((id) => resources[id]?.Type)
  expect(types).toContain('AWS::MSK::Topic')
  expect(types).toContain('AWS::IAM::Policy')
})

test('no function has any other event source, failure destination or dead letter queue', () => {
  expect(ofType(resources, 'AWS::Lambda::EventInvokeConfig')).toEqual([])
  expect(ofType(resources, 'AWS::SQS::Queue')).toEqual([])
  for (const [, { Properties }] of ofType(resources, 'AWS::Lambda::Function'))
    expect(Properties).not.toHaveProperty('DeadLetterConfig')
})
