import { type Command, InvalidArgumentError, Option } from 'commander'
import { type InputOptions, liveInputs } from '../../lib/collect/inputs.ts'
import { startRun } from '../../lib/collect/run.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import type { Framing } from '../../lib/stream/format.ts'
import { collectorId } from '../collector-id.ts'
import { type CommonOptions, print, say, serversOf, UsageError, withCommonOptions } from '../command.ts'
import { withIngestTarget } from '../ingest-target.ts'
import { sayWhatTakesIn } from '../pipeline-hint.ts'
import { progressLine } from '../progress.ts'
import { rolloverCommand } from '../rollover-command.ts'
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
import { requireStream } from '../streams.ts'
import { withPorts } from '../with-ports.ts'

interface CollectOptions extends CommonOptions, FeedOptions {
  readonly to: 'local' | 'kafka' | 'https'
  readonly url?: string
  readonly follow?: boolean
  readonly fromEnd?: boolean
  readonly startFile?: string
  readonly startOffset?: number
  readonly onRollover?: string
  readonly cursor?: string
}

const MORE = `
Sources, any number of them:
  FILE, FOLDER, 'PATTERN'     plain or gzip; a folder with all below it; patterns with * ? [] {} **
  -                           standard input
  syslog+udp://HOST:PORT      listen for syslog datagrams (RFC 5426)
  syslog+tcp://HOST:PORT      listen for syslog connections, counted or line by line (RFC 6587)
  wss://HOST/PATH?QUERY       messages of a WebSocket server, gone on with by cursor (as Bluesky's Jetstream)

A unified2 spool is finished when a later one is beside it and all it holds has landed. The command of --on-rollover
then runs with the spool's path behind it, beside the collecting, and may move, pack or delete it.

Stopped with Ctrl-C, or killed, the same command goes on where it was: no record of a file or a WebSocket is lost
or doubled. Syslog and standard input cannot be asked again: what was under way when a process was killed is gone.

Examples:
  $ weir collect network kdd.csv.gz --rate 1000
  $ weir collect logs /var/log '/srv/*/logs/*.log' --follow
  $ weir collect nids '/var/log/snort/snort.u2.*' --follow --on-rollover 'gzip'
  $ weir collect nids '/var/log/snort/snort.u2.*' --follow --start-file snort.u2.1700000300 --start-offset 4096
  $ weir collect logs syslog+udp://0.0.0.0:5514 syslog+tcp://0.0.0.0:5514
  $ weir collect posts 'wss://jetstream2.us-east.bsky.network/subscribe?wantedCollections=app.bsky.feed.post'
  $ weir collect network in/ --follow --to kafka --brokers b-1:9092,b-2:9092
  $ weir collect network in/ --follow --to https --url https://ID.execute-api.REGION.amazonaws.com`

export function register(program: Command): void {
  const command = program
    .command('collect')
    .description('Feed sources into a stream, each record once, also when it is stopped and started again.')
    .argument('<stream>', 'the stream')
    .argument('<source...>', 'files, folders, patterns, - or addresses: see below')
    .option('--follow', 'go on reading files that grow, are rotated, or come later')
    .option('--from-end', 'with --follow: leave out what files hold at the first start')
    .option(
      '--start-file <name>',
      'with --follow: at the first start, leave out files before this one by name',
    )
    .option('--start-offset <byte>', 'begin there in the start file: where a record begins', offset)
    .option(
      '--on-rollover <command>',
      'with --follow: run once for each unified2 spool that is finished: see below',
    )
    .option('--cursor <field>', 'of a WebSocket: the field to go on by', 'time_us')
    .addOption(
      new Option('--to <target>', 'the log of --data, Kafka (--brokers), or the ingest API of --url')
        .choices(['local', 'kafka', 'https'])
        .default('local'),
    )
    .option('--url <url>', 'of the ingest API: a deployment, or http://localhost:4400 of weir dev')
    .addHelpText('after', MORE)
  withCommonOptions(withLoopOption(withFeedOptions(command))).action(run)
}

async function run(name: string, sources: readonly string[], options: CollectOptions): Promise<void> {
  const stream = requireStream(name)
  checkOptions(sources, options)
  const progress = progressLine()
  const stop = stopSignal()
  try {
    const result = await explained(async () => {
      const live = liveInputs(sources, inputOptions(stream.framing, options))
      if (live !== undefined) {
        checkLiveOptions(options)
        // It may go on for ever: now, not at its end.
        if (options.to === 'local') await sayWhatTakesIn(options)
      }
      // Only the local log is this data folder's alone.
      const shared = options.to !== 'local' || serversOf(options).WEIR_BROKERS !== undefined
      const collector = shared ? await collectorId(options.data) : undefined
      return withTarget(options, name, (ports) =>
        startRun({
          ports,
          stream,
          sources,
          ...(live && { live }),
          options: { ...runOptions(options), ...(collector !== undefined && { collector }) },
          signal: stop.signal,
          onProgress: (state) => progress.update(feedProgress(state)),
          onNotice: (message) => {
            progress.clear()
            say(message)
          },
        }),
      )
    })
    progress.clear()
    print(options, { stream: name, sources, ...result }, () => feedSummary(result))
    if (options.to === 'local' && result.recordsIn > 0) await sayWhatTakesIn(options)
  } finally {
    progress.clear()
    stop.dispose()
  }
}

function offset(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a byte: a whole number from 0 up')
}

function inputOptions(framing: Framing, options: CollectOptions): InputOptions {
  const { follow, fromEnd, cursor, startFile, startOffset = 0, onRollover } = options
  return {
    clock: systemClock,
    framing,
    ...(follow === true && { follow }),
    ...(fromEnd === true && { fromEnd }),
    ...(cursor !== undefined && { cursor }),
    ...(startFile !== undefined && { startAt: { file: startFile, offset: startOffset } }),
    ...(onRollover !== undefined && { onRollover: rolloverCommand(onRollover) }),
  }
}

function withTarget<T>(
  options: CollectOptions,
  stream: string,
  action: (ports: Ports) => Promise<T>,
): Promise<T> {
  const { to, url = '' } = options
  return to === 'https' ? withIngestTarget(options, url, stream, action) : withPorts(options, action)
}

function checkOptions(sources: readonly string[], options: CollectOptions): void {
  checkFeedOptions(sources, options)
  if (options.to === 'kafka' && !serversOf(options).WEIR_BROKERS)
    throw new UsageError('--to kafka: name the brokers with --brokers or WEIR_BROKERS')
  if (options.to === 'https' && options.url === undefined)
    throw new UsageError('--to https: name the ingest API with --url')
  if (options.to !== 'https' && options.url !== undefined) throw new UsageError('--url belongs to --to https')
  const { fromEnd, startFile, startOffset, onRollover } = options
  const following = { '--from-end': fromEnd, '--start-file': startFile, '--on-rollover': onRollover }
  for (const [name, given] of Object.entries(following))
    if (given !== undefined && options.follow !== true) throw new UsageError(`${name} belongs to --follow`)
  if (startOffset !== undefined && startFile === undefined)
    throw new UsageError('--start-offset belongs to --start-file')
  if (fromEnd === true && startFile !== undefined)
    throw new UsageError('--from-end and --start-file say different things: give one of them')
}

function checkLiveOptions({ loop, shuffle, stamp }: CollectOptions): void {
  for (const [name, given] of Object.entries({ loop, shuffle, stamp }))
    if (given === true) throw new UsageError(`--${name} is for sources that have an end`)
}
