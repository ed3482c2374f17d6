import { describe, expect, it } from 'vitest'
import { type Decision, scoreAll } from '../../lib/speed/decide.ts'
import type { DeliveredRecord } from '../../lib/speed/kafka-event.ts'
import type { Scorer } from '../../lib/stream/detector.ts'

const scorer: Scorer = {
  version: 'v7',
  threshold: 0.5,
  describe: (value) => {
    if (value.message === 'poison') throw new RangeError('quotes the line: poison')
    return { ...value, template: `t of ${String(value.message)}` }
  },
  scores: (values) => Float64Array.from(values, ({ template }) => String(template).length / 100),
  severity: () => undefined,
  reasons: () => [],
}

const ok = (message: string): Decision => ({ outcome: 'ok', eventTime: 5, value: { message } })
const dropped: Decision = { outcome: 'drop', eventTime: undefined, rule: 'r', value: { message: 'x' } }

function recordOf(message: string, offset: number): DeliveredRecord {
  const value = Buffer.from(message).toString('base64')
  return { topic: 'logs.raw.g1', partition: 0, offset, timestamp: 1, timestampType: 'LOG_APPEND_TIME', value }
}

describe('a model that describes records', () => {
  it('has what it says of each stored and scored, in the order of the records', () => {
    const decisions = [ok('one'), dropped, ok('three')]
    const records = ['one', 'x', 'three'].map(recordOf)
    const { decisions: after, scores } = scoreAll(scorer, decisions, records)
    expect(after).toEqual([
      { outcome: 'ok', eventTime: 5, value: { message: 'one', template: 't of one' } },
      dropped,
      { outcome: 'ok', eventTime: 5, value: { message: 'three', template: 't of three' } },
    ])
    expect([...scores]).toEqual([0.08, Number.NaN, 0.1])
  })

  it('loses only the record it throws on, as a dead letter that does not quote it', () => {
    const texts = ['one', 'poison', 'three']
    const { decisions, scores } = scoreAll(scorer, texts.map(ok), texts.map(recordOf))
    expect(decisions.map(({ outcome }) => outcome)).toEqual(['ok', 'dead', 'ok'])
    expect(decisions[1]).toMatchObject({ stage: 'score', reason: 'model v7 threw RangeError' })
    expect(decisions[2]).toMatchObject({ value: { template: 't of three' } })
    expect([...scores]).toEqual([0.08, Number.NaN, 0.1])
  })
})
