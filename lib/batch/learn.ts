import { CannotTrainError } from '../detect/cannot-train-error.ts'
import type { Ports } from '../ports/ports.ts'
import { activeModel, modelBytes, publishModel } from '../state/models.ts'
import type { Stream } from '../stream/define.ts'
import type { DetectorDefinition, Learned, Observed } from '../stream/detector.ts'
import { Facts } from './facts.ts'
import type { Training, TrainOptions } from './train.ts'

/** A model may cost this much more before it is called worse: new kinds of records cost, and it is them that are learned. */
const WORSE_BY_MAX = 0.02

/**
 * Trains a detector that learns from every record of the master, and publishes the model unless the active one says the
 * same records at a lower cost, by more than 2 %. The first model, and one that replaces a model that no longer loads, are
 * published as they are.
 */
export async function learnStream(
  ports: Pick<Ports, 'keyed' | 'objects' | 'clock'>,
  stream: Stream,
  learn: NonNullable<DetectorDefinition['learn']>,
  options: TrainOptions,
): Promise<Training> {
  const active = (await activeModel(ports, stream.name))?.version
  const bytes = active === undefined ? undefined : await modelBytes(ports, stream.name, active)
  const records = options.records ?? (await masterRecords(ports, stream))
  const begun = { stream: stream.name, heldOut: 0, separation: undefined, activeSeparation: undefined }
  const learned = await learnedFrom(learn, counted(records, options), { seed: options.seed, active: bytes })
  if (typeof learned === 'string')
    return { ...begun, rows: 0, published: false, version: active, reason: learned, report: undefined }
  const verdict = judge(learned, active)
  const { report, cost, records: rows } = learned
  const ending = { ...begun, ...verdict, rows, report, cost }
  if (!verdict.published) return { ...ending, version: active }
  const { version } = await publishModel(ports, stream.name, learned, { parent: active })
  return { ...ending, version }
}

/** The model, or why these records cannot make one. */
async function learnedFrom(
  learn: NonNullable<DetectorDefinition['learn']>,
  records: () => AsyncIterable<readonly Observed[]>,
  options: Parameters<NonNullable<DetectorDefinition['learn']>>[1],
): Promise<Learned | string> {
  try {
    return await learn(records, options)
  } catch (error) {
    if (error instanceof CannotTrainError) return error.message
    throw error
  }
}

function judge({ cost }: Learned, active: string | undefined): { published: boolean; reason: string } {
  if (active === undefined) return { published: true, reason: 'the first model' }
  if (cost.active === undefined)
    return { published: true, reason: `the active model ${active} does not load any more` }
  const compared = `${cost.own.toFixed(1)} ${cost.name}, the active model's ${cost.active.toFixed(1)}`
  return cost.own <= cost.active * (1 + WORSE_BY_MAX)
    ? { published: true, reason: `not worse: ${compared}` }
    : { published: false, reason: `worse: ${compared}` }
}

async function masterRecords(
  ports: Pick<Ports, 'keyed' | 'objects'>,
  stream: Stream,
): Promise<() => AsyncIterable<readonly Observed[]>> {
  const facts = await Facts.open(ports, stream)
  return () => facts.observed(stream.detector?.features ?? [])
}

/** The same, with the records counted as they are read first. */
function counted(
  records: () => AsyncIterable<readonly Observed[]>,
  { onRows }: TrainOptions,
): () => AsyncIterable<readonly Observed[]> {
  let readings = 0
  return async function* () {
    const first = readings++ === 0
    let rows = 0
    for await (const some of records()) {
      rows += some.length
      if (first) onRows?.(rows)
      yield some
    }
  }
}
