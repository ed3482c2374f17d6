import { type Command, Option } from 'commander'
import type { Ports } from '../../lib/ports/ports.ts'
import {
  type AlertList,
  type Incident,
  type IncidentOptions,
  listAlerts,
  listIncidents,
} from '../../lib/serve/alerts.ts'
import { readCursor } from '../../lib/state/alert-cursor.ts'
import { SEVERITIES } from '../../lib/stream/alert.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { Severity } from '../../lib/stream/detector.ts'
import { streams } from '../../streams/index.ts'
import { registerAlertActions } from '../alert-actions.ts'
import { alertLine } from '../alert-line.ts'
import { type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { untilInterrupted } from '../interrupt.ts'
import { lacksModel, noModelHint } from '../model-hint.ts'
import { requireStream } from '../streams.ts'
import { timeOption } from '../time.ts'
import { withData } from '../with-ports.ts'

const NEWEST = 100
const FOLLOWED = 10
const FOLLOW_EVERY_MS = 500

interface AlertsOptions extends CommonOptions {
  readonly since?: string
  readonly limit?: string
  readonly severity?: readonly Severity[]
  readonly follow?: boolean
  readonly incidents?: boolean
  readonly all?: boolean
}

const MORE = `
Examples:
  $ weir alerts nids --since 1h --severity high critical
  $ weir alerts nids --incidents --since start
  $ weir alerts close nids a31ba8606acf707a4706a55114f1ba75 --note 'the scanner of the house'
  $ weir alerts suppress nids '1:2019284, grave' --for 7d`

export function register(program: Command): void {
  const command = program
    .command('alerts')
    .description('List the alerts that were raised, oldest first, or print them as they come.')
    .argument('[stream]', 'only those of this stream')
    .option('--since <time>', 'from this time or cursor on: ISO 8601, ms, 10m ago, 12.0 or start')
    .option('--limit <n>', `at most so many (default: the newest ${NEWEST}, or all since --since)`)
    .addOption(new Option('--severity <severity...>', 'only these').choices(SEVERITIES))
    .option('-f, --follow', 'go on printing new ones until Ctrl-C; with --json one document a line')
    .option('--incidents', 'alerts of one group and window as one; not what is suppressed or closed')
    .option('--all', 'with --incidents: also what is suppressed or closed')
    .addHelpText('after', MORE)
  withCommonOptions(command).action(run)
  registerAlertActions(command)
}

async function run(name: string | undefined, options: AlertsOptions): Promise<void> {
  const wanted = name === undefined ? [...streams.values()] : [requireStream(name)]
  const list = listOptions(options, wanted.length)
  if (options.follow === true && options.incidents === true)
    throw new UsageError('--incidents lists what there is: `weir subscribe incidents/STREAM` follows them')
  if (options.all === true && options.incidents !== true) throw new UsageError('--all belongs to --incidents')
  const listOf = options.incidents === true ? listIncidents : listAlerts
  await withData(options, async (ports) => {
    const lists = await Promise.all(wanted.map((stream) => listOf(ports, stream, list)))
    if (options.follow === true) return follow(ports, wanted, lists, options)
    const alerts = inOrder(lists).slice(0, list.limit ?? Number.MAX_SAFE_INTEGER)
    const cursors = Object.fromEntries(wanted.map((stream, i) => [stream.name, lists[i]?.cursor]))
    const cursor = wanted.length === 1 ? { cursor: lists[0]?.cursor } : {}
    print(options, { alerts, ...cursor, cursors }, () =>
      alerts.length === 0 ? 'no alerts' : alerts.map(lineOf).join('\n'),
    )
    if (alerts.length > 0) return
    for (const stream of wanted) if (await lacksModel(ports, stream)) say(noModelHint(stream.name))
  })
}

function lineOf(incident: Incident): string {
  const { mark } = incident
  const note = mark?.note === undefined ? '' : ` (${mark.note})`
  return mark === undefined ? alertLine(incident) : `${alertLine(incident)} ${mark.state}${note}`
}

/** Prints what was found, then what comes, from where each list ends. */
async function follow(
  ports: Ports,
  wanted: readonly Stream[],
  found: readonly AlertList[],
  options: AlertsOptions,
): Promise<void> {
  const show = (lists: readonly AlertList[]) => {
    for (const alert of inOrder(lists)) print(options, alert, () => alertLine(alert))
  }
  show(found)
  let lists = found
  const { severity } = options
  await untilInterrupted(async (signal) => {
    for (;;) {
      await ports.clock.sleep(FOLLOW_EVERY_MS, signal)
      const nextOf = (stream: Stream, i: number) => {
        const since = lists[i]?.cursor ?? 'start'
        return listAlerts(ports, stream, { since, limit: NEWEST, ...(severity && { severity }) })
      }
      lists = await Promise.all(wanted.map(nextOf))
      show(lists)
    }
  })
  say('interrupted')
}

function inOrder(lists: readonly AlertList[]): readonly Incident[] {
  const [only] = lists
  if (lists.length === 1 && only !== undefined) return only.alerts
  return lists.flatMap(({ alerts }) => alerts).sort((a, b) => a.lastSeenMs - b.lastSeenMs)
}

function listOptions(options: AlertsOptions, streamCount: number): IncidentOptions {
  const { since, limit, severity, follow, all: everything } = options
  const start = since === undefined ? undefined : sinceOption(since, streamCount)
  const all = start === undefined ? (follow === true ? FOLLOWED : NEWEST) : Number.MAX_SAFE_INTEGER
  return {
    limit: limit === undefined ? all : limitOption(limit),
    ...(start !== undefined && { since: start }),
    ...(severity && { severity }),
    ...(everything === true && { all: true }),
  }
}

function sinceOption(text: string, streamCount: number): string | number {
  if (readCursor(text) === undefined) return timeOption('--since', text, Date.now()) ?? 0
  if (streamCount > 1 && text.includes('.'))
    throw new UsageError('a cursor belongs to one stream: name it, as in weir alerts network --since 12.0')
  return text
}

function limitOption(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`--limit takes a whole number from 1 up, got ${JSON.stringify(text)}`)
}
