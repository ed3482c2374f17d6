import { type Command, InvalidArgumentError } from 'commander'
import { type Evaluation, evaluateInOrder, evaluateModel, trainOnAll } from '../../lib/batch/evaluate.ts'
import { CannotTrainError } from '../../lib/detect/cannot-train-error.ts'
import { activeModel, modelBytes } from '../../lib/state/models.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { DetectorDefinition, Scorer } from '../../lib/stream/detector.ts'
import type { Value } from '../../lib/stream/value.ts'
import { CommandError, type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { progressLine } from '../progress.ts'
import { explained } from '../run-options.ts'
import { type SourceCounts, sourceValues } from '../source-values.ts'
import { requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { withPorts } from '../with-ports.ts'

interface EvaluateOptions extends CommonOptions {
  readonly label: string
  readonly normal: string
  readonly refit?: number
  readonly seed: number
}

export function register(program: Command): void {
  const command = program
    .command('evaluate')
    .description('Measure a detector on labelled records. The labels judge; they never train.')
    .argument('<stream>', 'e.g. network')
    .argument('<source...>', 'files (.gz too), folders or patterns, with a label in each record')
    .requiredOption('--label <field>', 'the field that says what a record was')
    .requiredOption('--normal <value>', 'what it says of a normal one; a dot at its end is ignored')
    .option('--refit <n>', 'in stream order: train on all records so far every n, score what follows', whole)
    .option('--seed <n>', 'of a model trained here', whole, 1)
    .addHelpText(
      'after',
      '\nScores with the active model of the data folder. Without one, a model is trained on the sources themselves,\n' +
        'labels unseen, and not published. With --refit, models are trained on the way and the active one is not used.',
    )
  withCommonOptions(command).action(run)
}

type Labelled = Evaluation & { readonly model: string; readonly unreadable: number }

async function run(streamName: string, sources: readonly string[], options: EvaluateOptions): Promise<void> {
  const stream = requireStream(streamName)
  const { detector } = stream
  if (detector === undefined) throw new CommandError(`the stream ${streamName} declares no detector`)
  if (!stream.columns.some(({ name }) => name === options.label))
    throw new UsageError(`the ${streamName} stream has no field ${options.label}`)
  const progress = progressLine()
  const counts: SourceCounts = { rows: 0, unreadable: 0 }
  const read = () => {
    counts.rows = 0
    counts.unreadable = 0
    return sourceValues(stream, sources, counts, progress)
  }
  const evaluation = await explained(() => evaluated(stream, detector, sources, options, read)).finally(() =>
    progress.clear(),
  )
  report(options, { ...evaluation, unreadable: counts.unreadable })
}

async function evaluated(
  stream: Stream,
  detector: DetectorDefinition,
  sources: readonly string[],
  options: EvaluateOptions,
  read: () => AsyncIterable<readonly Value[]>,
): Promise<Omit<Labelled, 'unreadable'>> {
  const { refit, seed } = options
  const labels = { field: options.label, normal: options.normal }
  try {
    if (refit !== undefined) {
      const inOrder = await evaluateInOrder(detector, read(), labels, { every: refit, seed })
      return { ...inOrder, model: `trained every ${refit} records` }
    }
    const scorer =
      (await activeScorer(stream, detector, options)) ?? (await trained(detector, sources, seed, read))
    return { ...(await evaluateModel(scorer, read(), labels)), model: scorer.version }
  } catch (error) {
    if (error instanceof CannotTrainError) throw new CommandError(error.message, { cause: error })
    throw error
  }
}

async function activeScorer(
  { name }: Stream,
  detector: DetectorDefinition,
  options: EvaluateOptions,
): Promise<Scorer | undefined> {
  return withPorts(options, async (ports) => {
    const version = (await activeModel(ports, name))?.version
    return version === undefined ? undefined : detector.load(await modelBytes(ports, name, version), version)
  })
}

async function trained(
  detector: DetectorDefinition,
  sources: readonly string[],
  seed: number,
  read: () => AsyncIterable<readonly Value[]>,
): Promise<Scorer> {
  if (sources.includes('-'))
    throw new UsageError('there is no active model, and standard input cannot be read twice: name a file')
  say('no active model: training one on the sources, labels unseen')
  return trainOnAll(detector, read(), seed)
}

function report(options: EvaluateOptions, evaluation: Labelled): void {
  const { rows, anomalies } = evaluation
  if (rows === 0) throw new CommandError(`no record could be judged: is ${options.label} the label field?`)
  if (anomalies === rows)
    say(`no record has ${options.label} = ${options.normal}: without normal records there is no AUC`)
  if (anomalies === 0)
    say(`every record has ${options.label} = ${options.normal}: without anomalies there is no AUC`)
  print(options, evaluation, () => describe(evaluation))
}

function describe({ aucByKind, ...figures }: Labelled): string {
  const kinds = Object.entries(aucByKind)
  return [
    table(['figure', 'value'], Object.entries(figures)),
    ...(kinds.length === 0 ? [] : ['', table(['kind', 'auc'], kinds)]),
  ].join('\n')
}

function whole(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new InvalidArgumentError('expected a whole number above 0')
}
