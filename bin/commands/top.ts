import { type Command, InvalidArgumentError } from 'commander'
import { newestSlot, rankingAggregates, topKeys } from '../../lib/serve/query/top.ts'
import { type CommonOptions, print, UsageError, withCommonOptions } from '../command.ts'
import { namedView, notBefore, shown } from '../named-view.ts'
import { table } from '../table.ts'
import { duration, timeOption } from '../time.ts'
import { withData } from '../with-ports.ts'

interface TopCommandOptions extends CommonOptions {
  readonly window: number
  readonly at?: string
  readonly k: number
  readonly by?: string
}

export function register(program: Command): void {
  const command = program
    .command('top')
    .description('The keys of a view with the most in a window, live and historical counts together.')
    .argument('<view>', 'stream.view, e.g. network.byService')
    .option('--window <length>', 'length of the window: 90s, 10m, 2h, 7d', windowLength, 600_000)
    .option('--at <time>', 'end of the window in event time: ISO 8601, ms, or 10m, 2h ago (default: now)')
    .option('-k <n>', 'how many keys', keyCount, 10)
    .option('--by <aggregate>', "aggregate that ranks (default: the view's first)")
  withCommonOptions(command).action(run)
}

async function run(viewId: string, options: TopCommandOptions): Promise<void> {
  const view = namedView(viewId)
  const nowMs = Date.now()
  const { window: windowMs, k, by } = options
  const names = rankingAggregates(view)
  if (by !== undefined && !names.includes(by))
    throw new UsageError(`--by: ${viewId} ranks by ${names.join(', ')}, not by ${JSON.stringify(by)}`)
  const atMs = timeOption('--at', options.at, nowMs) ?? nowMs
  await withData(options, async (ports) => {
    const answer = await topKeys(ports, view, { windowMs, atMs, k, by }, nowMs)
    const newest =
      answer.rows.length === 0 && options.json !== true ? await newestSlot(ports, view, nowMs) : undefined
    print(options, answer, () => {
      const { rows, window, keys, since } = answer
      if (rows.length === 0)
        return `Nothing from ${window.from} to ${window.to} (event time): ${elsewhere(newest, view.definition.slotMs)}`
      const cells = rows.map((row, i) => [i + 1, row.key, ...view.aggregates.map((name) => shown(row[name]))])
      const ranking = table(['', 'key', ...view.aggregates], cells)
      const text = `${ranking}\n\n${rows.length} of ${keys} keys from ${window.from} to ${window.to}, by ${answer.by}`
      return since === null ? text : `${text}\n${notBefore(viewId, since)}`
    })
  })
}

/** Where there is something, as it is typed. */
function elsewhere(newestMs: number | undefined, slotMs: number): string {
  if (newestMs === undefined) return 'the view is empty.'
  const iso = (ms: number) => new Date(ms).toISOString()
  return `the newest slot that holds any is that of ${iso(newestMs)}: try --at ${iso(newestMs + slotMs)}`
}

function windowLength(text: string): number {
  const ms = duration(text)
  if (ms !== undefined && ms > 0) return ms
  throw new InvalidArgumentError('it is a length of time such as 90s, 10m, 2h or 7d')
}

function keyCount(text: string): number {
  const n = Number(text)
  if (Number.isInteger(n) && n > 0) return n
  throw new InvalidArgumentError('it is a whole number from 1 up')
}
