import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { ArchiveBehindError } from '../../lib/batch/frontier.ts'
import type { RunResult } from '../../lib/batch/run-result.ts'
import { batchSettings, LOCAL } from '../../lib/batch/settings.ts'
import { runId } from '../../lib/batch/steps.ts'
import { runRecompute } from '../../lib/local/recompute-run.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { RunLostError, RunRefusedError } from '../../lib/state/batch-run.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { streams } from '../../streams/index.ts'
import { CommandError, type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { progressLine } from '../progress.ts'
import { requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { withData } from '../with-ports.ts'

interface RecomputeCommandOptions extends CommonOptions {
  readonly full?: boolean
  readonly runId?: string
}

export function register(program: Command): void {
  const command = program
    .command('recompute')
    .description('Build the batch views from the master and publish them; ingestion may go on meanwhile.')
    .argument('[stream]', 'only this stream')
    .option('--full', 'from the first record on, even what could be added to')
    .option('--run-id <id>', 'go on with this run where it was killed; one that has ended is not run again')
    .addHelpText(
      'after',
      '\nCovers the epochs that have ended; younger records are answered from the boards. What stands is added to, unless\n' +
        'the view is new or changed, a retraction touches it, or records came late: then it is built from the first record on.',
    )
  withCommonOptions(command).action(run)
}

async function run(name: string | undefined, options: RecomputeCommandOptions): Promise<void> {
  const chosen = name === undefined ? [...streams.values()] : [requireStream(name)]
  const id = checkedId(
    options.runId ?? `${new Date().toISOString().replace(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}`,
  )
  const startedMs = Date.now()
  const results = await explained(options, () =>
    withData(options, async (ports) => {
      const all: RunResult[] = []
      for (const stream of chosen) all.push(await recompute(ports, stream, id, options))
      return all
    }),
  )
  const seconds = (Date.now() - startedMs) / 1000
  print(options, { run: id, seconds, streams: results }, () => results.map(describe).join('\n\n'))
}

function recompute(
  ports: Ports,
  stream: Stream,
  id: string,
  options: RecomputeCommandOptions,
): Promise<RunResult> {
  const progress = progressLine()
  let rows = 0
  let at = 'plan'
  let waiting = false
  const show = (done: number, total: number | undefined) =>
    progress.update({ done, total, text: `${stream.name}: ${at}, ${rows.toLocaleString('en-US')} records` })
  return runRecompute(ports, stream, {
    run: id,
    full: options.full === true,
    ...waitOption(process.env.WEIR_WAIT_MS),
    onStep: ({ step, done, of }) => {
      at = of > 1 ? `${step} ${done} of ${of}` : step
      show(done, of > 1 ? of : undefined)
    },
    onRows: (some) => {
      rows += some
      show(rows, undefined)
    },
    onWait: ({ behind }) => {
      const text = `${stream.name}: the master is ${behind} records behind the log`
      progress.update({ done: 0, text })
      // Without a pipeline nobody brings it there.
      if (!waiting && options.json !== true)
        say(`${text}; waiting for it (weir dev or weir replay takes them in)`)
      waiting = true
    },
  }).finally(() => progress.clear())
}

/** How long to wait for the master, ms, where it is not to be a minute. */
function waitOption(text: string | undefined) {
  const waitMs = Number(text)
  return text && waitMs >= 0 ? { waitMs } : {}
}

function checkedId(id: string): string {
  try {
    return runId(id)
  } catch (error) {
    throw new UsageError(error instanceof Error ? `--run-id: ${error.message}` : String(error))
  }
}

/** What a script may want to wait out, by a code of its own. */
const REASONS = [
  [RunRefusedError, 'RUN_REFUSED'],
  [RunLostError, 'RUN_LOST'],
  [ArchiveBehindError, 'ARCHIVE_BEHIND'],
] as const

async function explained<T>(options: CommonOptions, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    for (const [kind, code] of REASONS) {
      if (!(error instanceof kind)) continue
      const { message } = error
      if (options.json === true) print(options, { error: { code, message } }, () => message)
      throw new CommandError(message)
    }
    throw error
  }
}

/** Why younger records are in no batch view, and from when on they can be. */
function notYet({ stream, horizon, epochMs, plannedMs }: RunResult): string {
  const { slackMs } = batchSettings(process.env, LOCAL)
  const from = new Date(horizon * epochMs).toISOString()
  const whenMs = (Math.floor(plannedMs / epochMs) + 1) * epochMs + slackMs
  return (
    `${stream}: records appended from ${from} on are answered from the boards: their epoch of ${epochMs / 1000} s is not ` +
    `over. From ${new Date(whenMs).toISOString()} on, weir recompute ${stream} takes them in.`
  )
}

const MODES = { full: 'from the first record', added: 'added to', same: 'as it was', left: 'left' } as const

function describe(result: RunResult): string {
  const { stream, horizon, epochMs, views, late, retractions } = result
  const before = new Date(horizon * epochMs).toISOString()
  const rows = views.map(({ view, mode, records, segments, segmentsMade, why }) => [
    view,
    MODES[mode],
    records,
    segments,
    segmentsMade,
    why ?? '',
  ])
  const header = ['view', 'built', 'records', 'segments', 'of them new', 'why']
  const lines = [
    result.published
      ? `${stream}: records appended before ${before} are in the batch views (run ${result.run})`
      : `${stream}: nothing new before ${before} (run ${result.run})`,
    table(header, rows),
  ]
  if (result.complete !== true) lines.push(notYet(result))
  for (const { topic, partition, records } of late)
    lines.push(
      `${topic}-${partition}: ${records} records came late, into epochs that were recomputed: all was built anew`,
    )
  if (retractions.length > 0)
    lines.push(`left out: ${retractions.length} retractions (weir retract ${stream} lists them)`)
  return lines.join('\n')
}
