import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CannotTrainError } from '../../lib/detect/cannot-train-error.ts'
import { provisionalTemplate } from '../../lib/detect/template-matcher.ts'
import { templateModelFromBytes, templateModelToBytes } from '../../lib/detect/template-model.ts'
import { RATE_SLOT_MS, RateCounts, rateChange } from '../../lib/detect/template-rates.ts'
import { templates } from '../../lib/detect/templates.ts'
import type { Learned, Observed } from '../../lib/stream/detector.ts'
import type { Value } from '../../lib/stream/value.ts'

const detector = templates({ text: 'message', source: 'source', severity: 'severityNumber' })

function record(message: string, more: Value = {}): Value {
  const { id, template } = provisionalTemplate(message)
  return { message, source: 'web01', templateId: id, template, templateKnown: false, ...more }
}

const messages = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    i % 3 === 0 ? `user u${i} came in` : `sent ${i} bytes to 10.0.0.${i % 200}`,
  )

async function learn(lines: readonly string[], active?: Uint8Array): Promise<Learned> {
  const observed: Observed[] = lines.map((line, i) => ({ value: record(line), eventTimeMs: i * 1000 }))
  async function* records() {
    for (let at = 0; at < observed.length; at += 100) yield observed.slice(at, at + 100)
  }
  if (detector.learn === undefined) throw new Error('templates learn from every record')
  return detector.learn(records, { seed: 1, active })
}

const scorerOf = (learned: Learned) => detector.load(learned.bytes, 'v1')

describe('templates', () => {
  it('makes a new line an alert, a graver one where the line itself says error', async () => {
    const scorer = scorerOf(await learn(messages(3000)))
    const values = [
      record('sent 7 bytes to 10.9.9.9'),
      record('disk sda1 is gone'),
      record('disk sda1 is gone', { severityNumber: 3 }),
    ].map((value) => scorer.describe?.(value) ?? value)
    const scores = [...scorer.scores(values)]
    expect(scores.map((score) => scorer.severity(score))).toEqual([undefined, 'medium', 'high'])
    expect(values[0]).toMatchObject({ template: 'sent <*> to <*>', templateKnown: true })
    expect(values[1]).toMatchObject({ template: 'disk <*> is gone', templateKnown: false })
    expect(scorer.reasons(values[1] ?? {})).toEqual([
      {
        feature: 'template',
        value: 'disk <*> is gone',
        share: 1,
        text: 'new: none of the 3,000 lines the model was made of was like this: disk <*> is gone',
      },
      { feature: 'variables', value: 'sda1', share: 0, text: 'its variables: sda1' },
    ])
  })

  it('makes a rare line a mild alert, once one in 10,000 can be told', async () => {
    const rare = 'fan 3 stopped turning'
    const few = scorerOf(await learn([...messages(30_000), rare]))
    const many = scorerOf(await learn([...messages(50_000), rare]))
    const severity = (scorer: typeof few) => scorer.severity(scorer.scores([record(rare)])[0] ?? Number.NaN)
    expect(severity(few)).toBeUndefined()
    expect(severity(many)).toBe('low')
    expect(many.reasons(record(rare))[0]?.text).toBe(
      'rare: 1 of the 50,001 lines the model was made of was like this: fan <*> stopped turning',
    )
  })

  it('keeps what was called normal, under the id its lines have in the new model too', async () => {
    const first = await learn([...messages(300), 'unit alpha was loaded'])
    const { id } = provisionalTemplate('unit alpha was loaded')
    const marked = templateModelToBytes({ ...templateModelFromBytes(first.bytes), normal: [id] })
    const words = ['alpha', 'beta', 'gamma', 'delta', 'omega', 'sigma']
    const next = await learn([...messages(300), ...words.map((word) => `unit ${word} was loaded`)], marked)
    const scorer = scorerOf(next)
    const value = scorer.describe?.(record('unit kappa was loaded')) ?? {}
    expect(value).toMatchObject({ template: 'unit <*> was loaded', templateKnown: true })
    expect(scorer.scores([value])[0]).toBe(0)
    expect(scorer.scores([record('unit alpha was loaded')])[0]).toBe(0)
  })

  it('keeps normal what no model knew when it was called so, once its lines are of a template', async () => {
    const first = await learn(messages(300))
    const { id } = provisionalTemplate('unit alpha was loaded')
    const marked = templateModelToBytes({ ...templateModelFromBytes(first.bytes), normal: [id] })
    const words = ['alpha', 'beta', 'gamma', 'delta', 'omega', 'sigma']
    const lines = [...messages(300), ...words.map((word) => `unit ${word} was loaded`)]
    const next = await learn(lines, marked)
    const score = (model: Learned) => {
      const scorer = scorerOf(model)
      return scorer.scores([scorer.describe?.(record('unit kappa was loaded')) ?? {}])[0]
    }
    expect(score(next)).toBe(0)
    expect(score(await learn(lines, first.bytes))).toBeGreaterThan(0)
    expect(templateModelFromBytes((await learn(lines, next.bytes)).bytes).normal).toEqual(
      templateModelFromBytes(next.bytes).normal,
    )
  })

  it('costs less to say lines with their templates than without them, or with others', async () => {
    const other = await learn(Array.from({ length: 300 }, (_, i) => `quite another line ${i}`))
    const own = await learn(messages(3000), other.bytes)
    expect(own.cost.active).toBeGreaterThan(own.cost.own * 1.5)
    const characters = messages(3000).reduce((sum, { length }) => sum + length, 0) / 3000
    expect(own.cost.own).toBeLessThan(characters * 8)
  })

  it('makes the same model of the same lines, whatever the seed', async () => {
    const first = await learn(messages(500))
    expect((await learn(messages(500))).bytes).toEqual(first.bytes)
    expect(
      detector.train(
        messages(500).map((line) => record(line)),
        { seed: 9 },
      ).report,
    ).toMatchObject({ templates: 2 })
  })

  it('refuses too few lines, and bytes that are no model', async () => {
    await expect(learn(messages(20))).rejects.toThrow(CannotTrainError)
    expect(() => detector.load(Buffer.from('{}'), 'v')).toThrow(/not of form 1/)
    expect(() => detector.load(Buffer.from('no json'), 'v')).toThrow(/no JSON object/)
    const model = templateModelFromBytes((await learn(messages(200))).bytes)
    const damaged = {
      kind: 'templates',
      form: 1,
      ...model,
      templates: [{ parts: ['a', 'b'], count: 1, example: '' }],
    }
    expect(() => detector.load(Buffer.from(JSON.stringify(damaged)), 'v')).toThrow(/a template is damaged/)
  })
})

describe('rates', () => {
  const id = provisionalTemplate('x').id

  it('are counts by slot over all slots of the source, its last one left out, in whatever order lines come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 300 }), (slots) => {
        const all = [0, 40, ...slots]
        const counts = new RateCounts()
        for (const slot of all) counts.add(id, 's', slot * RATE_SLOT_MS + 5)
        const backwards = new RateCounts()
        for (const slot of [...all].reverse()) backwards.add(id, 's', slot * RATE_SLOT_MS + 5)
        const [rate] = counts.rates().pairs
        const perSlot = Array.from({ length: 40 }, (_, slot) => all.filter((s) => s === slot).length)
        // The busiest two of 40 are left out.
        const usual = perSlot.sort((a, b) => a - b).slice(0, 38)
        const mean = usual.reduce((sum, x) => sum + x, 0) / 38
        const variance = usual.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 38
        expect(rate).toMatchObject({ templateId: id, source: 's', slots: 40 })
        expect(rate?.mean).toBeCloseTo(mean, 9)
        expect(rate?.variance).toBeCloseTo(variance, 9)
        expect(backwards.rates()).toEqual(counts.rates())
      }),
      { numRuns: 200 },
    )
  })

  it('change where a count is far from its past, and not where it is near or small', () => {
    const steady = { mean: 100, variance: 100 }
    expect(rateChange(steady, 100)).toBeUndefined()
    expect(rateChange(steady, 155)).toBeUndefined()
    expect(rateChange(steady, 175)).toMatchObject({ direction: 'up', expected: 100, found: 175 })
    expect(rateChange({ mean: 21, variance: 21 }, 0)).toMatchObject({ direction: 'down' })
    expect(rateChange(steady, 0)).toMatchObject({ direction: 'down' })
    expect(rateChange({ mean: 100, variance: 10_000 }, 0)).toBeUndefined()
    expect(rateChange({ mean: 0.01, variance: 0.01 }, 9)).toBeUndefined()
    expect(rateChange({ mean: 0.01, variance: 0.01 }, 15)).toMatchObject({ direction: 'up' })
  })

  it('hold a bounded number of pairs: the commonest', () => {
    const counts = new RateCounts()
    for (let i = 0; i < 5000; i++) {
      const { id: rare } = provisionalTemplate(
        `kind ${'x'.repeat(i % 50)} of ${String.fromCharCode(97 + (i % 26))}${'y'.repeat(i % 97)}`,
      )
      counts.add(rare, 's', i * 10_000)
      counts.add(id, 's', i * 10_000)
    }
    const { pairs } = counts.rates()
    expect(pairs.length).toBeLessThanOrEqual(1000)
    expect(pairs[0]?.templateId).toBe(id)
  })
})
