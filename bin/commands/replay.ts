import type { Command } from 'commander'
import { type RunResult, startRun } from '../../lib/collect/run.ts'
import { SourceError } from '../../lib/collect/source-error.ts'
import { Pipeline } from '../../lib/local/pipeline.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { type RunSummary, runSummary } from '../../lib/serve/run-summary.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { CommandError, type CommonOptions, print, say, serversOf, withCommonOptions } from '../command.ts'
import { lacksModel, noModelHint } from '../model-hint.ts'
import { canBeReadAgain, pendingReplay } from '../pending-replay.ts'
import { type ProgressLine, progressLine } from '../progress.ts'
import {
  checkFeedOptions,
  explained,
  type FeedOptions,
  feedProgress,
  runOptions,
  stopSignal,
  withFeedOptions,
} from '../run-options.ts'
import { requireFormat, requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { NO_PUBLISHER, SITE } from '../with-ports.ts'

interface ReplayOptions extends CommonOptions, FeedOptions {
  readonly new?: boolean
  readonly format?: string
}

export function register(program: Command): void {
  const command = program
    .command('replay')
    .description('Feed sources through the whole pipeline, wait until all is processed, print a summary.')
    .argument('<stream>', 'e.g. network')
    .argument('<source...>', 'files (.gz too), folders, patterns, or - for standard input')
    .option('--new', 'begin anew where an earlier replay of the same sources was not finished')
    .option('--format <format>', 'refuse a stream that does not read this format')
    .addHelpText(
      'after',
      '\nA replay that was stopped or killed goes on when the same command is given again, and ends with the same\nnumbers. Once it has finished, the same command is a new replay: it adds as many records again.',
    )
  withCommonOptions(withFeedOptions(command)).action(run)
}

async function run(streamName: string, sources: readonly string[], options: ReplayOptions): Promise<void> {
  const stream = requireStream(streamName)
  requireFormat(stream, options.format)
  checkFeedOptions(sources, options)
  await explained(() => replay(stream, sources, options))
}

async function replay(stream: Stream, sources: readonly string[], options: ReplayOptions): Promise<void> {
  const stop = stopSignal()
  const progress = progressLine()
  const trouble = new Troubles()
  const again = options.runId !== undefined || (await canBeReadAgain(sources))
  const pipeline = await Pipeline.open({
    data: options.data,
    site: SITE,
    streams: [stream],
    servers: serversOf(options),
    publisher: NO_PUBLISHER,
    onDelivery: (_, { mapping, error }) => trouble.note(mapping, error),
    onTrouble: say,
  })
  try {
    const startedMs = Date.now()
    const { archive } = pipeline.of(stream.name).mappings
    const archivedBefore = archive.consumed
    pipeline.start()
    // What an earlier process left in flight belongs to no run of this one.
    await pipeline.drained(stream.name, stop.signal)
    const request = again ? pendingReplay(pipeline.ports.keyed, stream, sources, options) : undefined
    const runId = await request?.begin()
    const feeding = feed(pipeline.ports, stream, sources, options, runId, stop.signal, progress)
    const result = await feeding.catch(async (error: unknown) => {
      // What came before a source that cannot be read on is in the log, and belongs in every answer.
      if (error instanceof SourceError) await drain(pipeline, stream, progress, stop.signal)
      throw error
    })
    if (result.finished) await drain(pipeline, stream, progress, stop.signal)
    progress.clear()
    if (!result.finished || stop.signal.aborted) throw stopped(again)
    const summary = await runSummary(pipeline.ports, stream, result.topic, result.ranges)
    await request?.finish()
    if (await lacksModel(pipeline.ports, stream)) say(noModelHint(stream.name))
    report(options, {
      stream: stream.name,
      sources,
      result,
      summary,
      processed: archive.consumed - archivedBefore,
      seconds: (Date.now() - startedMs) / 1000,
    })
  } catch (error) {
    if (stop.signal.aborted && !(error instanceof CommandError)) throw stopped(again)
    throw error
  } finally {
    progress.clear()
    await pipeline.stop()
    stop.dispose()
  }
}

function feed(
  ports: Ports,
  stream: Stream,
  sources: readonly string[],
  options: ReplayOptions,
  runId: string | undefined,
  signal: AbortSignal,
  progress: ProgressLine,
): Promise<RunResult> {
  return startRun({
    ports,
    stream,
    sources,
    signal,
    options: runOptions({ ...options, ...(runId !== undefined && { runId }) }),
    onNotice: say,
    onProgress: (run) => progress.update(feedProgress(run)),
  })
}

async function drain(
  pipeline: Pipeline,
  stream: Stream,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<void> {
  const { mappings } = pipeline.of(stream.name)
  const lag = () => Object.values(mappings).reduce((most, mapping) => Math.max(most, mapping.lag), 0)
  const most = lag()
  const timer = setInterval(() => {
    const left = lag()
    progress.update({
      done: most - left,
      total: most,
      text: `${left.toLocaleString('en-US')} records in flight`,
    })
  }, 200)
  try {
    await pipeline.drained(stream.name, signal)
  } finally {
    clearInterval(timer)
  }
}

function stopped(again: boolean): CommandError {
  return new CommandError(
    again
      ? 'stopped; the same command goes on from here'
      : 'stopped; what was read is in the log, and the next replay takes it in',
  )
}

interface Report {
  readonly stream: string
  readonly sources: readonly string[]
  readonly result: RunResult
  readonly summary: RunSummary
  /** Records that went through the whole pipeline in this process, what an earlier one left in flight among them. */
  readonly processed: number
  readonly seconds: number
}

function report(
  options: ReplayOptions,
  { stream, sources, result, summary, processed, seconds }: Report,
): void {
  const document = {
    stream,
    sources,
    runId: result.runId,
    resumed: result.resumed,
    recordsIn: result.recordsIn,
    ...summary,
    seconds,
    recordsPerSecond: Math.round(processed / seconds),
  }
  const { recordsScored, deadLettered, archived, counted, alerts } = summary
  print(options, document, () =>
    table(
      ['', stream],
      [
        ['records in', result.recordsIn],
        ['scored', recordsScored],
        ['dead letters', deadLettered],
        ['in the master', archived],
        ['counted', counted],
        ['alerts', alerts],
        ['seconds', Number(seconds.toFixed(1))],
        ['records/s', document.recordsPerSecond],
      ],
    ),
  )
  const wrong = archived !== result.recordsIn || counted !== result.recordsIn
  if (wrong) throw new CommandError('the numbers do not agree: run `weir verify`')
}

/** Failed deliveries come again by themselves; one line for each kind is enough to know. */
class Troubles {
  readonly #seen = new Set<string>()

  note(mapping: string, error: string | undefined): void {
    if (error === undefined || this.#seen.has(error)) return
    this.#seen.add(error)
    say(`${mapping}: ${error}; the batch comes again`)
  }
}
