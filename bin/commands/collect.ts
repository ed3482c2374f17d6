import type { Command } from 'commander'
import { startRun } from '../../lib/collect/run.ts'
import { streamNamed, streams } from '../../streams/index.ts'
import { type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { progressLine } from '../progress.ts'
import {
  checkFeedOptions,
  explained,
  type FeedOptions,
  feedProgress,
  feedSummary,
  runOptions,
  stopSignal,
  withFeedOptions,
  withLoopOption,
} from '../run-options.ts'
import { withPorts } from '../with-ports.ts'

interface CollectOptions extends CommonOptions, FeedOptions {
  readonly to: string
}

export function register(program: Command): void {
  const command = program
    .command('collect')
    .description(
      'Feed sources into a stream: each record once, also when it is stopped and started again.\n' +
        'A source is a file (plain or .gz), a folder, a pattern, or - for standard input.',
    )
    .argument('<stream>', 'the stream')
    .argument('<sources...>', 'files, folders, patterns or -')
    .option('--to <target>', 'where the log is: local', 'local')
  withCommonOptions(withLoopOption(withFeedOptions(command))).action(run)
}

async function run(name: string, sources: readonly string[], options: CollectOptions): Promise<void> {
  if (options.to !== 'local') throw new UsageError(`--to ${options.to}: only "local" is there so far`)
  if (!streams.has(name))
    throw new UsageError(`there is no stream ${name}; there are: ${[...streams.keys()].join(', ')}`)
  checkFeedOptions(sources, options)
  const stream = streamNamed(name)
  const progress = progressLine()
  const stop = stopSignal()
  try {
    const result = await explained(() =>
      withPorts(options, (ports) =>
        startRun({
          ports,
          stream,
          sources,
          options: runOptions(options),
          signal: stop.signal,
          onProgress: (state) => progress.update(feedProgress(state)),
          onNotice: (message) => {
            progress.clear()
            say(message)
          },
        }),
      ),
    )
    progress.clear()
    print(options, { stream: name, sources, ...result }, () => feedSummary(result))
  } finally {
    progress.clear()
    stop.dispose()
  }
}
