import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CannotTrainError } from '../../lib/detect/cannot-train-error.ts'
import { ranking } from '../../lib/detect/evaluation.ts'
import { forest } from '../../lib/detect/forest.ts'
import { ModelFormatError } from '../../lib/detect/model-bytes.ts'
import type { Value } from '../../lib/stream/value.ts'
import { FIELDS, strangeRows, usualRows } from './rows.ts'

const detector = forest(FIELDS)
const rows = usualRows(3000, 11)
const trained = detector.train(rows, { seed: 5 })
const scorer = detector.load(trained.bytes, 'v1')

describe('forest', () => {
  it('scores strange records above usual ones', () => {
    const usual = usualRows(500, 12)
    const strange = strangeRows(100, 13)
    const scores = scorer.scores([...usual, ...strange])
    const anomalous = Uint8Array.from(scores, (_, i) => (i < usual.length ? 0 : 1))
    expect(ranking(scores, anomalous).auc).toBeGreaterThan(0.99)
    for (const score of scores) expect(score > 0 && score < 1).toBe(true)
  })

  it('flags strange records, few usual ones, and grades them', () => {
    const flagged = (values: readonly Value[]) =>
      [...scorer.scores(values)].filter((score) => score >= scorer.threshold).length / values.length
    expect(flagged(usualRows(1000, 14))).toBeLessThan(0.05)
    expect(flagged(strangeRows(100, 15))).toBeGreaterThan(0.8)
    expect(scorer.severity(scorer.threshold - 1e-9)).toBeUndefined()
    expect(scorer.severity(scorer.threshold)).toBeDefined()
    expect(scorer.severity(0.999)).toBe('critical')
    expect(scorer.severity(Number.NaN)).toBeUndefined()
  })

  it('makes the same model from the same rows and seed, and another from another seed', () => {
    expect(detector.train(rows, { seed: 5 }).bytes).toEqual(trained.bytes)
    expect(detector.train(rows, { seed: 6 }).bytes).not.toEqual(trained.bytes)
  })

  it('learns nothing from repetition: a flood of one record does not become usual', () => {
    const flood = Array.from({ length: 20_000 }, () => strangeRows(1, 16)[0] as Value)
    const flooded = detector.load(detector.train([...rows, ...flood], { seed: 5 }).bytes, 'v2')
    expect(flooded.scores(flood.slice(0, 1))[0]).toBeGreaterThan(flooded.threshold)
  })

  it('scores a record the same alone, in any batch and at any place', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), fc.nat(1000), (count, seed) => {
        const values = usualRows(count, seed)
        const scores = scorer.scores(values)
        const i = seed % count
        expect(scorer.scores([values[i] as Value])[0]).toBe(scores[i])
      }),
      { numRuns: 30 },
    )
    expect(scorer.scores([])).toEqual(new Float64Array(0))
  })

  it('reads its own fields only', () => {
    const value = rows[0] as Value
    const other = { ...value, label: 'anything', uuid: 'x', extra: 1e300 }
    expect(scorer.scores([other])).toEqual(scorer.scores([value]))
  })

  it('scores records with missing fields, wrong types and unseen categories', () => {
    const odd: Value[] = [
      {},
      { bytes: 'many', packets: null, service: 7, flag: true },
      { ...rows[0], service: 'never seen' },
      { ...rows[0], bytes: Number.POSITIVE_INFINITY },
      { ...rows[0], bytes: -1e308 },
    ]
    for (const score of scorer.scores(odd)) expect(score > 0 && score < 1).toBe(true)
  })

  // May change only with a new format or default: it would change the scores of every deployment at its next training.
  it('gives the scores it has always given', () => {
    const scores = scorer.scores([...rows.slice(0, 3), ...strangeRows(3, 17)])
    expect([...scores].map((score) => score.toFixed(9))).toMatchInlineSnapshot(`
      [
        "0.478628000",
        "0.493433000",
        "0.535657000",
        "0.678582000",
        "0.686457000",
        "0.674797000",
      ]
    `)
    expect(createHash('sha256').update(trained.bytes).digest('hex').slice(0, 16)).toMatchInlineSnapshot(
      `"f5cd9ecae80575d7"`,
    )
    expect(trained.report).toMatchInlineSnapshot(`
      {
        "nodes": 16450,
        "rows": 3000,
        "seed": 5,
        "signatures": 411,
        "signaturesAbove": 4,
        "signaturesCapped": "no",
        "threshold": 0.623066,
        "trees": 100,
      }
    `)
  })

  it('says what it takes where rows cannot make a model', () => {
    const alike = Array.from({ length: 1000 }, () => rows[0] as Value)
    expect(() => detector.train(alike, { seed: 1 })).toThrow(CannotTrainError)
    expect(() => detector.train([], { seed: 1 })).toThrow(/0 rows with 0 distinct signatures/)
  })

  it.each([
    [{ numeric: [] }, /at least one field/],
    [{ numeric: ['a'], categorical: ['a'] }, /named twice/],
    [{ numeric: ['a'], trees: 0 }, /trees must be/],
    [{ numeric: ['a'], sampleSize: 1 }, /sampleSize must be/],
    [{ numeric: ['a'], fieldsPerTree: 2 }, /fieldsPerTree must be/],
  ])('refuses %j', (options, message) => {
    expect(() => forest(options)).toThrow(message)
  })
})

describe('model bytes', () => {
  it('that are damaged anywhere are refused', () => {
    fc.assert(
      fc.property(fc.nat(trained.bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Uint8Array.from(trained.bytes)
        damaged[at] = (damaged[at] as number) ^ flip
        expect(() => detector.load(damaged, 'v')).toThrow(ModelFormatError)
      }),
      { numRuns: 200 },
    )
  })

  it('that are cut short are refused', () => {
    for (const length of [0, 1, 15, 16, 47, 48, trained.bytes.length - 1])
      expect(() => detector.load(trained.bytes.subarray(0, length), 'v')).toThrow(ModelFormatError)
  })

  it('may lie at any alignment', () => {
    const shifted = new Uint8Array(trained.bytes.length + 3)
    shifted.set(trained.bytes, 3)
    expect(detector.load(shifted.subarray(3), 'v').scores(rows.slice(0, 9))).toEqual(
      scorer.scores(rows.slice(0, 9)),
    )
  })

  it('of other fields are refused, with both lists', () => {
    const other = forest({ ...FIELDS, numeric: ['bytes', 'packets'] })
    expect(() => other.load(trained.bytes, 'v')).toThrow(
      /it reads the fields bytes,packets,errors.*Train again/,
    )
  })
})
