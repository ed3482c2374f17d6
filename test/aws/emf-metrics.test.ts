import { expect, it } from 'vitest'
import { EmfMetrics } from '../../lib/aws/emf-metrics.ts'

const written = (figures: Record<string, number>): unknown[] => {
  const lines: string[] = []
  new EmfMetrics('home', (line) => void lines.push(line)).record({
    stage: 'score',
    stream: 'network',
    figures,
  })
  return lines.map((line) => JSON.parse(line))
}

it('writes one line a batch, with units from the names', () => {
  const [line, ...others] = written({
    records: 3,
    durationMs: 1.5,
    sizeBytes: 10,
    lagS: 2,
    recordsPerSecond: 7,
  })
  expect(others).toEqual([])
  expect(line).toMatchObject({
    site: 'home',
    stream: 'network',
    stage: 'score',
    records: 3,
    durationMs: 1.5,
    _aws: {
      CloudWatchMetrics: [
        {
          Namespace: 'Weir',
          Dimensions: [['site', 'stream', 'stage']],
          Metrics: [
            { Name: 'records', Unit: 'Count' },
            { Name: 'durationMs', Unit: 'Milliseconds' },
            { Name: 'sizeBytes', Unit: 'Bytes' },
            { Name: 'lagS', Unit: 'Seconds' },
            { Name: 'recordsPerSecond', Unit: 'Count/Second' },
          ],
        },
      ],
    },
  })
})

it('leaves out what CloudWatch would refuse', () => {
  expect(written({ a: Number.NaN, stage: 1 })).toEqual([])
  const [line] = written(Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`n${i}`, i])))
  expect(line).not.toHaveProperty('n100')
})

it('never throws', () => {
  const metrics = new EmfMetrics('home', () => {
    throw new Error('stdout is closed')
  })
  metrics.record({ stage: 's', stream: 't', figures: { records: 1 } })
})
