import { type Command, InvalidArgumentError } from 'commander'
import { type Training, trainStream } from '../../lib/batch/train.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { CommandError, type CommonOptions, print, say, withCommonOptions } from '../command.ts'
import { type ProgressLine, progressLine } from '../progress.ts'
import { explained } from '../run-options.ts'
import { type SourceCounts, sourceValues } from '../source-values.ts'
import { requireStream } from '../streams.ts'
import { withPorts } from '../with-ports.ts'

interface TrainCommandOptions extends CommonOptions {
  readonly seed: number
  readonly from?: readonly string[]
}

export function register(program: Command): void {
  const command = program
    .command('train')
    .description(
      "Train a model from the stream's master and publish it, unless it is worse than the active one.",
    )
    .argument('<stream>', 'e.g. network')
    .option('--seed <n>', 'the same records and seed make the same model', whole, 1)
    .option('--from <source...>', 'train on these files (.gz too), folders or patterns instead of the master')
    .addHelpText(
      'after',
      '\nA published model scores within two seconds, without a restart. `weir models` lists them.',
    )
  withCommonOptions(command).action(run)
}

async function run(streamName: string, options: TrainCommandOptions): Promise<void> {
  const stream = requireStream(streamName)
  if (stream.detector === undefined) throw new CommandError(`the stream ${streamName} declares no detector`)
  const startedMs = Date.now()
  const progress = progressLine()
  const training = await explained(() =>
    withPorts(options, (ports) =>
      trainStream(ports, stream, { seed: options.seed, ...rowsOption(stream, options, progress) }),
    ),
  ).finally(() => progress.clear())
  const seconds = (Date.now() - startedMs) / 1000
  if (training.report === undefined) throw new CommandError(`${streamName}: no model: ${training.reason}`)
  print(options, { ...training, seconds }, () => describe(training, seconds))
}

function rowsOption(stream: Stream, { from }: TrainCommandOptions, progress: ProgressLine) {
  if (from === undefined)
    return {
      onRows: (rows: number) =>
        progress.update({ done: rows, text: `${rows.toLocaleString('en-US')} records read` }),
    }
  const counts: SourceCounts = { rows: 0, unreadable: 0 }
  async function* rows(sources: readonly string[]) {
    yield* sourceValues(stream, sources, counts, progress)
    if (counts.unreadable > 0) say(`${counts.unreadable} lines are no ${stream.name} records: left out`)
  }
  // A detector that learns from every record may read them more than once; what is unreadable is said the first time.
  async function* records(sources: readonly string[]) {
    const first = !read
    read = true
    const again: SourceCounts = { rows: 0, unreadable: 0 }
    for await (const values of first ? rows(sources) : sourceValues(stream, sources, again, progress))
      yield values.map((value) => ({ value, eventTimeMs: stream.timeOf(value, nowMs) ?? nowMs }))
  }
  let read = false
  const nowMs = Date.now()
  return { rows: rows(from), records: () => records(from) }
}

function describe(training: Training, seconds: number): string {
  const figures = Object.entries(training.report ?? {}).map(([name, figure]) => `  ${name} ${figure}`)
  const verdict = training.published
    ? `published ${training.version} (${training.reason})`
    : `not published (${training.reason}); ${training.version} stays active`
  return [`${verdict}, trained in ${seconds.toFixed(1)} s`, ...figures].join('\n')
}

function whole(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('expected a whole number')
}
