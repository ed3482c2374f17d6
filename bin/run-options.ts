import { type Command, InvalidArgumentError } from 'commander'
import type { RunOptions, RunProgress, RunResult } from '../lib/collect/run.ts'
import { RunError } from '../lib/collect/run-error.ts'
import { SourceError } from '../lib/collect/source-error.ts'
import { CommandError, UsageError } from './command.ts'
import type { Progress } from './progress.ts'

/** Options of the commands that feed sources into a stream: collect and replay. */
export interface FeedOptions {
  readonly rate?: number
  readonly loop?: boolean
  readonly shuffle?: boolean
  readonly seed: number
  readonly stamp?: boolean
  readonly runId?: string
}

export function withFeedOptions(command: Command): Command {
  return command
    .option('--rate <n>', 'records a second; as fast as possible without it', positive)
    .option('--shuffle', 'in random order; all records are held in memory')
    .option('--seed <n>', 'seed of --shuffle and of the uuids of --stamp', whole, 0)
    .option('--stamp', 'make each record a JSON object with uuid, utc, sequence_id and index added')
    .option('--run-id <id>', 'name the run: that run is finished once, however often this is called')
}

export function withLoopOption(command: Command): Command {
  return command.option('--loop', 'begin again at the end, until stopped')
}

export function runOptions(options: FeedOptions): RunOptions {
  const { rate, loop, shuffle, seed, stamp, runId } = options
  return {
    loop: loop === true,
    ...(rate !== undefined && { ratePerS: rate }),
    ...(shuffle === true && { shuffleSeed: seed }),
    ...(stamp === true && { stampSeed: seed }),
    ...(runId !== undefined && { runId }),
  }
}

/** A run's progress as a progress line shows it. */
export function feedProgress({ recordsIn, bytesRead, bytesTotal, seconds }: RunProgress): Progress {
  const perSecond = seconds > 0 ? Math.round(recordsIn / seconds) : 0
  return {
    done: bytesRead,
    total: bytesTotal,
    text: `${count(recordsIn)} records in, ${count(perSecond)} a second`,
  }
}

/** What a run came to, in a line for people. */
export function feedSummary({ runId, recordsIn, recordsInSession, seconds, finished }: RunResult): string {
  const earlier = recordsIn - recordsInSession
  const rest = earlier === 0 ? '' : `, ${count(earlier)} before that`
  const end = finished ? '' : '; stopped before the end: the same command goes on from here'
  return `${count(recordsInSession)} records in ${seconds.toFixed(1)} s${rest} (run ${runId})${end}`
}

/** Runs `action` and turns what a user can mend into what the command line prints without a stack. */
export async function explained<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof SourceError || error instanceof RunError)
      throw new CommandError(error.message, { cause: error })
    throw error
  }
}

/** Aborts at the first Ctrl-C or SIGTERM, so that what was read is kept; a second one ends the process at once. */
export function stopSignal(): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const dispose = () => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  return { signal: controller.signal, dispose }
}

/** Throws a UsageError for options that contradict each other. */
export function checkFeedOptions(sources: readonly string[], { loop, shuffle }: FeedOptions): void {
  if (!sources.includes('-')) return
  if (loop === true)
    throw new UsageError('standard input cannot be read in a loop: leave out --loop, or name a file')
  if (shuffle === true && sources.length > 1)
    throw new UsageError('--shuffle takes either files or standard input, not both')
}

function count(n: number): string {
  return n.toLocaleString('en-US')
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('expected a number above 0')
}

function whole(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('expected a whole number')
}
