import type { DetectorDefinition, TrainedModel } from '../stream/detector.ts'
import { seededRandom } from '../stream/random.ts'
import { calibrate } from './calibrate.ts'
import { CannotTrainError } from './cannot-train-error.ts'
import { type Features, namesOf } from './features.ts'
import { type GrowSettings, growForest, randomOrders } from './grow.ts'
import type { ForestModel } from './model.ts'
import { ModelFormatError, modelFromBytes, modelToBytes } from './model-bytes.ts'
import { ForestScorer } from './scorer.ts'
import { SignatureSample } from './signature-sample.ts'
import { signatureScores } from './signature-scores.ts'
import { trainingTable } from './training-table.ts'
import { usualOf } from './usual.ts'

/** Which fields a forest reads, and how it grows. The defaults are the settings that measured best (docs/detection.md). */
export interface ForestOptions {
  /** Fields holding numbers of any size: counts, bytes, durations; booleans too. */
  readonly numeric: readonly string[]
  /** Fields holding numbers from 0 to 1. */
  readonly rates?: readonly string[]
  readonly categorical?: readonly string[]
  readonly trees?: number
  /** Signatures each tree is grown on, at most: 2 to 32,768. Trees are at most log2 of it deep. */
  readonly sampleSize?: number
  /** Fields each tree may ask about. Default: half of them, at least one. */
  readonly fieldsPerTree?: number
  /** Signatures held in memory while training reads its rows; beyond, a uniform sample of them. */
  readonly signaturesMax?: number
}

const SIGNATURES_MIN = 16

/**
 * An isolation forest over numbers and categories, grown on one row per coarse signature, each tree on a part of the
 * fields and on signatures that differ in them. Scores lie in 0 to 1, higher is stranger; missing and unseen values are
 * scored as `Quantiser` says.
 */
export function forest(options: ForestOptions): DetectorDefinition {
  const {
    numeric,
    rates = [],
    categorical = [],
    trees = 100,
    sampleSize = 1024,
    signaturesMax = 200_000,
  } = options
  const features: Features = { numeric, rates, categorical }
  const names = namesOf(features)
  const fieldsPerTree = options.fieldsPerTree ?? Math.ceil(names.length / 2)
  const depthMax = Math.ceil(Math.log2(sampleSize))
  const settings: GrowSettings = { trees, sampleSize, fieldsPerTree, depthMax, orders: 16 }
  checkOptions(names, settings, signaturesMax)
  return {
    kind: 'forest',
    features: names,
    train(rows, { seed }) {
      const sample = new SignatureSample(features, { signaturesMax, seed })
      for (const row of rows) sample.add(row)
      return trainOn(sample, settings, seed)
    },
    load: (bytes, version) => new ForestScorer(modelFor(features, bytes), version),
  }
}

function trainOn(sample: SignatureSample, settings: GrowSettings, seed: number): TrainedModel {
  if (sample.size < SIGNATURES_MIN)
    throw new CannotTrainError(
      `${sample.rowsSeen} rows with ${sample.size} distinct signatures cannot make a forest: it takes ${SIGNATURES_MIN} signatures`,
    )
  const random = seededRandom(seed)
  const table = trainingTable(sample)
  const orders = randomOrders(table, settings.orders, random)
  const trees = growForest(table, orders, settings, random)
  const scores = signatureScores(table, orders, trees)
  const { threshold, bands } = calibrate(scores)
  const usualRows = [...scores.keys()].filter((row) => (scores[row] as number) < threshold)
  const { features } = sample
  const { medians, categories } = table
  const usual = usualOf(table, features, usualRows)
  const model: ForestModel = { features, categories, orders, medians, trees, threshold, bands, usual }
  return {
    bytes: modelToBytes(model),
    report: {
      rows: sample.rowsSeen,
      signatures: sample.size,
      signaturesCapped: sample.capped ? 'yes' : 'no',
      trees: settings.trees,
      nodes: trees.column.length,
      threshold,
      signaturesAbove: table.size - usualRows.length,
      seed,
    },
  }
}

/** The model of these bytes, which must read exactly the fields that the stream now declares. */
function modelFor(features: Features, bytes: Uint8Array): ForestModel {
  const model = modelFromBytes(bytes)
  const has = namesOf(model.features).join()
  const wants = namesOf(features).join()
  if (has !== wants)
    throw new ModelFormatError(
      `forest model: it reads the fields ${has}; the stream declares ${wants}. Train again`,
    )
  return model
}

function checkOptions(names: readonly string[], settings: GrowSettings, signaturesMax: number): void {
  const { trees, sampleSize, fieldsPerTree } = settings
  if (names.length === 0) throw new Error('forest: name at least one field')
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`forest: the field ${twice} is named twice`)
  checkWhole('trees', trees, 1, 1000)
  checkWhole('sampleSize', sampleSize, 2, 32_768)
  checkWhole('fieldsPerTree', fieldsPerTree, 1, names.length)
  checkWhole('signaturesMax', signaturesMax, SIGNATURES_MIN, 5_000_000)
}

function checkWhole(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`forest: ${name} must be a whole number from ${min} to ${max}, got ${value}`)
}
