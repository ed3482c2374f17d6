import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { estimate, type Load } from '../../../lib/infra/cost/estimate.ts'
import { PRICES } from '../../../lib/infra/cost/prices.ts'
import { network } from '../../../streams/network.ts'

const LOAD: Load = {
  rate: 1_000,
  bytes: 1_000,
  kafka: 'standard',
  retentionDays: 7,
  epochMinutes: 60,
  months: 12,
  subscribers: 10,
  queries: 1,
}
const of = (changes: Partial<Load> = {}) => estimate(network, { ...LOAD, ...changes })
const dollars = (changes: Partial<Load>, service: string) =>
  of(changes)
    .lines.filter((line) => line.service === service)
    .reduce((sum, line) => sum + line.dollars, 0)

describe('the estimate of costs', () => {
  it('is the sum of quantities times prices', () => {
    const { lines, dollars: all } = of()
    for (const { quantity, price, dollars: own } of lines) {
      expect(quantity).toBeGreaterThanOrEqual(0)
      expect(own).toBeCloseTo(quantity * PRICES[price].dollars, 9)
    }
    expect(all).toBeCloseTo(
      lines.reduce((sum, line) => sum + line.dollars, 0),
      9,
    )
  })

  it('starts at three brokers and their smallest volumes, whatever comes', () => {
    const idle = of({ rate: 0.001 })
    expect(idle.brokers).toBe(3)
    const brokers = idle.lines.find(({ price }) => price === 'brokerStandard')
    expect(brokers?.dollars).toBeCloseTo(3 * 730 * 0.204, 6)
    expect(idle.lines.find(({ price }) => price === 'brokerStorage')?.dollars).toBeCloseTo(30, 6)
  })

  it('grows with the rate and the size in every service that carries records', () => {
    for (const service of ['MSK', 'Lambda', 'S3']) {
      expect(dollars({ rate: 50_000 }, service)).toBeGreaterThan(dollars({}, service) * 2)
      expect(dollars({ bytes: 100_000 }, service)).toBeGreaterThan(dollars({}, service))
    }
    // Boards are written once a batch: ten times the records are not ten times the writes.
    expect(dollars({ rate: 10_000 }, 'DynamoDB')).toBeLessThan(dollars({}, 'DynamoDB') * 10)
  })

  it('charges the master by its age, topics by retention, doors by their use', () => {
    expect(dollars({ months: 24 }, 'S3')).toBeGreaterThan(dollars({}, 'S3') * 1.5)
    expect(dollars({ retentionDays: 1 }, 'MSK')).toBeLessThan(dollars({}, 'MSK'))
    expect(dollars({ subscribers: 0, queries: 0 }, 'API Gateway')).toBe(0)
  })

  it('prints one JSON document, and refuses what is no load', () => {
    const weir = (...args: string[]) =>
      execFileSync(process.execPath, ['bin/weir.ts', 'cost', ...args], { stdio: 'pipe' })
    const text = weir('network', '--rate', '1000', '--bytes', '1000', '--json').toString()
    const document = JSON.parse(text) as {
      dollarsPerMonth: number
      prices: { source: string }[]
      assumptions: unknown[]
    }
    expect(document.dollarsPerMonth).toBeCloseTo(of().dollars, 1)
    for (const { source } of document.prices) expect(source).toMatch(/^list price/)
    expect(document.assumptions.length).toBeGreaterThan(5)
    for (const args of [
      ['network', '--bytes', '1'],
      ['network', '--rate', '0', '--bytes', '1'],
      ['nothing', '--rate', '1', '--bytes', '1'],
    ])
      expect(() => weir(...args)).toThrow(expect.objectContaining({ status: 2 }))
  })
})
