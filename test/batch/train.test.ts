import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { evaluateInOrder, evaluateModel, trainOnAll } from '../../lib/batch/evaluate.ts'
import { RowSample } from '../../lib/batch/row-sample.ts'
import { perturbed, separation } from '../../lib/batch/separation.ts'
import { trainStream } from '../../lib/batch/train.ts'
import { forest } from '../../lib/detect/forest.ts'
import { json } from '../../lib/formats/json.ts'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { activeModel, listModels } from '../../lib/state/models.ts'
import { defineStream } from '../../lib/stream/define.ts'
import type { DetectorDefinition } from '../../lib/stream/detector.ts'
import type { Value } from '../../lib/stream/value.ts'
import { FIELDS, strangeRows, usualRows } from '../detect/rows.ts'

const detector = forest(FIELDS)
const streamWith = (detect: DetectorDefinition) =>
  defineStream({
    name: 'flows',
    title: 'Flows',
    description: 'Made up for tests.',
    format: json(),
    schema: z.object({
      bytes: z.number(),
      packets: z.number(),
      errors: z.number(),
      error_rate: z.number(),
      service: z.string(),
      flag: z.string(),
      label: z.string().optional(),
    }),
    detect,
    views: {},
    partitions: 1,
  })
const stream = streamWith(detector)

async function* batches(rows: readonly Value[], size = 500): AsyncGenerator<readonly Value[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size)
}

describe('trainStream', () => {
  const clock = { nowMs: () => 1_700_000_000_000, sleep: async () => undefined }
  let dir: string
  let ports: { keyed: SqliteStore; objects: FolderStore; clock: typeof clock }

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'weir-train-'))
    const keyed = await SqliteStore.open(join(dir, 'state.db'), { clock })
    ports = { keyed, objects: await FolderStore.open(join(dir, 'objects')), clock }
  })

  afterEach(async () => {
    await ports.keyed.close()
    await ports.objects.close()
    rmSync(dir, { recursive: true })
  })

  it('publishes a first model, with what it was made of', async () => {
    const training = await trainStream(ports, stream, { seed: 1, rows: batches(usualRows(8000, 1)) })
    expect(training).toMatchObject({ published: true, reason: 'the first model', rows: 8000 })
    expect(training.heldOut).toBeGreaterThan(50)
    expect(training.separation).toBeGreaterThan(0.5)
    const [listed] = await listModels(ports, 'flows')
    expect(listed).toMatchObject({ version: training.version, active: true })
    expect(listed?.report).toMatchObject({ rows: 8000, seed: 1, heldOut: training.heldOut })
  })

  it('makes the same version of the same records and seed', async () => {
    const rows = usualRows(8000, 1)
    const first = await trainStream(ports, stream, { seed: 1, rows: batches(rows) })
    const again = await trainStream(ports, stream, { seed: 1, rows: batches(rows, 77) })
    expect(again.version).toBe(first.version)
    expect(await listModels(ports, 'flows')).toHaveLength(1)
  })

  it('publishes one that is not worse', async () => {
    await trainStream(ports, stream, { seed: 1, rows: batches(usualRows(8000, 1)) })
    const next = await trainStream(ports, stream, { seed: 2, rows: batches(usualRows(8000, 1)) })
    expect(next.published).toBe(true)
    expect(next.reason).toMatch(/^not worse: separation 0\.\d+, the active model's 0\.\d+$/)
    expect((await activeModel(ports, 'flows'))?.version).toBe(next.version)
  })

  it('does not publish one that is worse, and leaves the active one', async () => {
    const first = await trainStream(ports, stream, { seed: 1, rows: batches(usualRows(8000, 1)) })
    // A detector that learns the perturbed records instead of the real ones.
    const confused = streamWith({
      ...detector,
      train: (rows, options) => detector.train(perturbed([...rows].slice(0, 20), detector.features), options),
    })
    const next = await trainStream(ports, confused, { seed: 1, rows: batches(usualRows(8000, 1)) })
    expect(next).toMatchObject({ published: false, version: first.version })
    expect(next.reason).toMatch(/^worse: separation/)
    expect(await listModels(ports, 'flows')).toHaveLength(1)
  })

  it('replaces a model that does not load any more', async () => {
    await trainStream(ports, stream, { seed: 1, rows: batches(usualRows(8000, 1)) })
    const fewer = streamWith(forest({ ...FIELDS, numeric: ['bytes', 'packets'] }))
    const next = await trainStream(ports, fewer, { seed: 1, rows: batches(usualRows(8000, 1)) })
    expect(next.published).toBe(true)
    expect(next.reason).toMatch(/does not load any more/)
  })

  it('makes none of nothing, or of records that are all alike, and says why', async () => {
    const none = await trainStream(ports, stream, { seed: 1, rows: batches([]) })
    expect(none).toMatchObject({ published: false, version: undefined, report: undefined })
    expect(none.reason).toBe('there are no records to train on yet')
    const alike = Array.from({ length: 900 }, () => usualRows(1, 1)[0] as Value)
    const one = await trainStream(ports, stream, { seed: 1, rows: batches(alike) })
    expect(one.reason).toMatch(/distinct signatures cannot make a forest/)
  })

  it('reads the master where no rows are given: nothing yet', async () => {
    expect((await trainStream(ports, stream, { seed: 1 })).reason).toBe(
      'there are no records to train on yet',
    )
  })
})

describe('RowSample', () => {
  it('holds out the same signatures whatever came first, and trains on none of them', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (a, b) => {
        const sampleOf = (rows: readonly Value[]) => {
          const sample = new RowSample(detector.features, 10_000)
          for (const row of rows) sample.add(row)
          return sample
        }
        const one = sampleOf([...usualRows(300, a), ...usualRows(300, b)])
        const other = sampleOf([...usualRows(300, b), ...usualRows(300, a)])
        expect(one.size).toBe(other.size)
        expect(one.heldOut().length).toBe(other.heldOut().length)
        expect(one.heldOut().length + [...one.training()].length).toBe(one.size)
      }),
      { numRuns: 20 },
    )
  })

  it('holds out about a tenth, also once it is full', () => {
    for (const rowsMax of [1_000_000, 300]) {
      const sample = new RowSample(['x'], rowsMax)
      for (let x = 0; x < 20_000; x++) sample.add({ x: `value ${x}` })
      expect(sample.size).toBeLessThanOrEqual(rowsMax)
      const share = sample.heldOut().length / sample.size
      expect(share).toBeGreaterThan(0.04)
      expect(share).toBeLessThan(0.17)
    }
  })
})

describe('separation', () => {
  it('is higher for a model that knows the records', async () => {
    const real = usualRows(600, 9)
    const copies = perturbed(real, detector.features)
    const good = await trainOnAll(detector, batches(usualRows(8000, 3)), 1)
    const poor = await trainOnAll(detector, batches(perturbed(usualRows(40, 3), detector.features)), 1)
    expect(separation(good, real, copies)).toBeGreaterThan(separation(poor, real, copies) + 0.02)
  })

  it('replaces fields by values that occur, the same every time', () => {
    const real = usualRows(50, 9)
    const copies = perturbed(real, detector.features)
    expect(perturbed(real, detector.features)).toEqual(copies)
    copies.forEach((copy, i) => {
      for (const field of detector.features) expect(real.some((row) => row[field] === copy[field])).toBe(true)
      expect(copy.label).toBe(real[i]?.label)
    })
  })
})

describe('evaluation with labels', () => {
  const labels = { field: 'label', normal: 'usual' }
  const mixed = [...usualRows(3000, 5), ...strangeRows(100, 6), ...usualRows(900, 7)]

  it('measures a model', async () => {
    const scorer = await trainOnAll(detector, batches(mixed), 1)
    const evaluation = await evaluateModel(scorer, batches(mixed), labels)
    expect(evaluation).toMatchObject({ rows: 4000, anomalies: 100, unlabelled: 0, unscored: 0 })
    expect(evaluation.auc).toBeGreaterThan(0.98)
    expect(Object.keys(evaluation.aucByKind)).toEqual(['strange'])
    expect(evaluation.macroAuc).toBeCloseTo(evaluation.auc, 12)
    const flagged = scorer.scores(mixed).map((score) => (score >= scorer.threshold ? 1 : 0))
    const right = flagged.slice(3000, 3100).reduce((sum, one) => sum + one, 0)
    expect(evaluation.recall).toBe(right / 100)
    expect(evaluation.precision).toBe(right / flagged.reduce((sum, one) => sum + one, 0))
  })

  it('scores in stream order only what follows a training', async () => {
    const evaluation = await evaluateInOrder(detector, batches(mixed, 333), labels, { every: 1000, seed: 1 })
    expect(evaluation).toMatchObject({ rows: 3000, anomalies: 100, unscored: 1000 })
    expect(evaluation.auc).toBeGreaterThan(0.95)
  })

  it('leaves out records without a label, and forgives the dot of KDD files', async () => {
    const scorer = await trainOnAll(detector, batches(mixed), 1)
    const { label: _, ...unlabelled } = mixed[0] as Value
    const evaluation = await evaluateModel(scorer, batches([unlabelled, ...mixed.slice(1)]), labels)
    expect(evaluation).toMatchObject({ rows: 3999, unlabelled: 1 })
    const dotted = mixed.map((row) => ({ ...row, label: `${row.label}.` }))
    expect((await evaluateModel(scorer, batches(dotted), labels)).anomalies).toBe(100)
  })
})
