import { CannotTrainError } from '../detect/cannot-train-error.ts'
import type { Ports } from '../ports/ports.ts'
import { activeModel, modelBytes, publishModel } from '../state/models.ts'
import type { Stream } from '../stream/define.ts'
import type { DetectorDefinition, Learned, Observed, Scorer, TrainedModel } from '../stream/detector.ts'
import type { Value } from '../stream/value.ts'
import { Facts } from './facts.ts'
import { learnStream } from './learn.ts'
import { RowSample } from './row-sample.ts'
import { perturbed, separation } from './separation.ts'

/** Distinct signatures held in memory: about 1 kB each. */
const ROWS_MAX = 200_000
/** Fewer held-out records say nothing about which model is better. */
const HELD_OUT_MIN = 50
/** A model may be this much worse before it is called worse: about the noise of two seeds. */
const WORSE_BY_MAX = 0.02

export interface TrainOptions {
  readonly seed: number
  /** Records to train on. Default: all of the stream's master that passed and are not retracted. */
  readonly rows?: AsyncIterable<readonly Value[]>
  /** The same for a detector that learns from every record, which may read them more than once. */
  readonly records?: () => AsyncIterable<readonly Observed[]>
  readonly onRows?: (rows: number) => void
}

/** What became of a training. */
export interface Training {
  readonly stream: string
  readonly published: boolean
  /** The version that scores from now on; undefined where there is none. */
  readonly version: string | undefined
  /** Why it was published, or why not. */
  readonly reason: string
  readonly rows: number
  readonly heldOut: number
  /** Chance to tell a perturbed held-out record from a real one; undefined where that was not measured. */
  readonly separation: number | undefined
  readonly activeSeparation: number | undefined
  /** Of a detector that learns from every record: what the models were compared by, lower is better. */
  readonly cost?: Learned['cost']
  /** The new model's own figures; undefined where none was made. */
  readonly report: TrainedModel['report'] | undefined
}

/**
 * Trains a model of `stream` on one record per coarse signature and publishes it, unless it is worse than the active one:
 * at telling held-out records that neither model was trained on from perturbed copies of them (see `separation`), by more
 * than 0.02. The first model, one that replaces a model that no longer loads, and one with too little to judge by are
 * published as they are. A detector that learns from every record is judged by its own cost (`learnStream`). Deterministic for the rows and the seed. Throws where the stream has no detector.
 */
export async function trainStream(
  ports: Pick<Ports, 'keyed' | 'objects' | 'clock'>,
  stream: Stream,
  options: TrainOptions,
): Promise<Training> {
  const { detector } = stream
  if (detector === undefined) throw new Error(`the stream ${stream.name} declares no detector`)
  if (detector.learn !== undefined) return learnStream(ports, stream, detector.learn, options)
  const sample = await sampled(ports, stream, detector, options)
  const active = (await activeModel(ports, stream.name))?.version
  const heldOut = sample.heldOut()
  const begun = { stream: stream.name, rows: sample.rowsSeen, heldOut: heldOut.length }
  const trained = trainOn(detector, sample, options.seed)
  if (typeof trained === 'string')
    return {
      ...begun,
      published: false,
      version: active,
      reason: trained,
      separation: undefined,
      activeSeparation: undefined,
      report: undefined,
    }
  const judged = await judge(ports, stream.name, detector, trained, heldOut, active)
  const report = {
    ...trained.report,
    rows: sample.rowsSeen,
    heldOut: heldOut.length,
    ...rounded(judged.separation),
  }
  const ending = { ...begun, ...judged, report }
  if (!judged.published) return { ...ending, version: active }
  const { version } = await publishModel(ports, stream.name, { ...trained, report }, { parent: active })
  return { ...ending, version }
}

async function sampled(
  ports: Pick<Ports, 'keyed' | 'objects'>,
  stream: Stream,
  { features }: DetectorDefinition,
  { rows, onRows }: TrainOptions,
): Promise<RowSample> {
  const sample = new RowSample(features, ROWS_MAX)
  for await (const batch of rows ?? (await Facts.open(ports, stream)).values(features)) {
    for (const value of batch) sample.add(value)
    onRows?.(sample.rowsSeen)
  }
  return sample
}

/** The model, or why these rows cannot make one. */
function trainOn(detector: DetectorDefinition, sample: RowSample, seed: number): TrainedModel | string {
  if (sample.rowsSeen === 0) return 'there are no records to train on yet'
  try {
    return detector.train(sample.training(), { seed })
  } catch (error) {
    if (error instanceof CannotTrainError) return error.message
    throw error
  }
}

async function judge(
  ports: Pick<Ports, 'objects'>,
  stream: string,
  detector: DetectorDefinition,
  trained: TrainedModel,
  heldOut: readonly Value[],
  active: string | undefined,
) {
  const copies = perturbed(heldOut, detector.features)
  const measured = (scorer: Scorer) => separation(scorer, heldOut, copies)
  const verdict = (published: boolean, reason: string, own?: number, activeOwn?: number) => ({
    published,
    reason,
    separation: own,
    activeSeparation: activeOwn,
  })
  if (heldOut.length < HELD_OUT_MIN)
    return verdict(true, `only ${heldOut.length} held-out records: too few to judge by`)
  const own = measured(detector.load(trained.bytes, 'candidate'))
  if (active === undefined) return verdict(true, 'the first model', own)
  const bytes = await modelBytes(ports, stream, active)
  const standing = loaded(detector, bytes, active)
  if (standing === undefined) return verdict(true, `the active model ${active} does not load any more`, own)
  const activeOwn = measured(standing)
  const compared = `separation ${own.toFixed(3)}, the active model's ${activeOwn.toFixed(3)}`
  return own >= activeOwn - WORSE_BY_MAX
    ? verdict(true, `not worse: ${compared}`, own, activeOwn)
    : verdict(false, `worse: ${compared}`, own, activeOwn)
}

function loaded(detector: DetectorDefinition, bytes: Uint8Array, version: string): Scorer | undefined {
  try {
    return detector.load(bytes, version)
  } catch {
    return undefined
  }
}

function rounded(separation: number | undefined) {
  return separation === undefined ? {} : { separation: Math.round(separation * 1e4) / 1e4 }
}
