import { type Command, Option } from 'commander'
import { queryAsOf } from '../../lib/serve/query/as-of.ts'
import { type QueryAnswer, type QueryOptions, queryView } from '../../lib/serve/query.ts'
import type { View } from '../../lib/views/view.ts'
import { streamNamed } from '../../streams/index.ts'
import { type CommonOptions, print, say, serversOf, UsageError, withCommonOptions } from '../command.ts'
import { namedView, notBefore, shown } from '../named-view.ts'
import { progressLine } from '../progress.ts'
import { table } from '../table.ts'
import { timeOption } from '../time.ts'
import { withData } from '../with-ports.ts'

interface QueryCommandOptions extends CommonOptions {
  readonly key?: string
  readonly from?: string
  readonly to?: string
  readonly bySlot?: boolean
  readonly layer?: 'merged' | 'speed' | 'batch'
  readonly asOf?: string
}

/** How far the clocks of brokers may be behind this machine's, ms. */
const BROKER_SLACK_MS = 2_000

export function register(program: Command): void {
  const command = program
    .command('query')
    .description('Answer from a view, live and historical counts together.')
    .argument('<view>', 'stream.view, e.g. network.byService')
    .option('--key <key>', 'only this key (fields of a key joined by |)')
    .option('--from <time>', 'from this event time on: ISO 8601, ms, or 10m, 2h, 7d ago')
    .option('--to <time>', 'before this event time')
    .option('--by-slot', 'one row per key and slot instead of one per key')
    .addOption(
      new Option('--layer <layer>', 'which layer answers (default: merged)').choices([
        'merged',
        'speed',
        'batch',
      ]),
    )
    .option('--as-of <time>', 'as it would have been answered then, from the master')
  withCommonOptions(command).action(run)
}

async function run(viewId: string, options: QueryCommandOptions): Promise<void> {
  const view = namedView(viewId)
  const nowMs = Date.now()
  const from = timeOption('--from', options.from, nowMs)
  const to = timeOption('--to', options.to, nowMs)
  const asOfMs = timeOption('--as-of', options.asOf, nowMs)
  if (from !== undefined && to !== undefined && from > to)
    throw new UsageError(`nothing lies between them: --from ${isoOf(from)} is later than --to ${isoOf(to)}`)
  if (asOfMs !== undefined && options.layer !== undefined)
    throw new UsageError('--as-of is answered from the master: leave --layer out')
  const { key, bySlot, layer } = options
  const asked = { key, from, to, bySlot, layer }
  const answer =
    asOfMs === undefined
      ? await withData(options, (ports) => queryView(ports, view, asked, nowMs))
      : await answerAsOf(options, view, asked, asOfMs)
  print(options, answer, () => answerText(view, answer))
  if (answer.rows.length === 0 && options.json !== true) say(nothingFound(view, asked))
}

const isoOf = (ms: number) => new Date(ms).toISOString()

/** An answer without rows is no failure, but the question may have been another than was meant. */
function nothingFound(view: View, { key, from, to }: QueryOptions): string {
  const what = key === undefined ? 'of any key' : `of the key ${JSON.stringify(key)}`
  const since = from === undefined ? '' : `, from event time ${isoOf(from)}`
  const until = to === undefined ? '' : `, before event time ${isoOf(to)}`
  return `${view.id}: no rows ${what}${since}${until}`
}

async function answerAsOf(options: QueryCommandOptions, view: View, asked: QueryOptions, asOfMs: number) {
  const [stream] = view.id.split('.')
  const slackMs = serversOf(options).WEIR_BROKERS === undefined ? 0 : BROKER_SLACK_MS
  const progress = progressLine()
  const onProgress = ({ rows, of }: { rows: number; of: number }) =>
    progress.update({ done: rows, total: of, text: `${rows.toLocaleString('en-US')} records of the master` })
  try {
    return await withData(options, (ports) =>
      // The clock again: it must have been read before the log, not before the command line.
      queryAsOf(ports, streamNamed(stream), view, { ...asked, asOfMs, slackMs, onProgress }, Date.now()),
    )
  } finally {
    progress.clear()
  }
}

function answerText(view: View, { rows, since, retractionsPending }: QueryAnswer): string {
  const text = table(
    ['key', 'from', 'to', ...view.aggregates],
    rows.map((row) => [row.key, row.from, row.to, ...view.aggregates.map((name) => shown(row[name]))]),
  )
  const notes = [
    ...(since === null ? [] : [notBefore(view.id, since)]),
    ...(retractionsPending === 0
      ? []
      : [`Retractions that are not in it yet: ${retractionsPending}. The next recompute takes them in.`]),
  ]
  return notes.length === 0 ? text : `${text}\n\n${notes.join('\n')}`
}
