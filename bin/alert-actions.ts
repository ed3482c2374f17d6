import type { Command } from 'commander'
import type { Ports } from '../lib/ports/ports.ts'
import { findIncident, type Incident } from '../lib/serve/alerts.ts'
import { AlertActions, type IncidentMark, type Suppression } from '../lib/state/alert-actions.ts'
import { streams } from '../streams/index.ts'
import { alertLine } from './alert-line.ts'
import { CommandError, type CommonOptions, print, UsageError, withCommonOptions } from './command.ts'
import { progressLine } from './progress.ts'
import { requireStream } from './streams.ts'
import { lengthOption } from './time.ts'
import { withData } from './with-ports.ts'

interface ActionOptions extends CommonOptions {
  readonly note?: string
  readonly for?: string
}

/** What people do about incidents, as commands below `weir alerts`. */
export function registerAlertActions(alerts: Command): void {
  const marking = (name: string, state: IncidentMark['state'], description: string) =>
    withCommonOptions(
      incidentCommand(alerts, name, description).option('--note <text>', 'why, for others'),
    ).action((stream: string, id: string, options: ActionOptions) => mark(stream, id, state, options))
  marking('ack', 'acknowledged', 'Say that somebody sees to an incident.')
  marking('close', 'closed', 'Close an incident: it is left out of lists until another alert joins it.')
  withCommonOptions(
    incidentCommand(alerts, 'reopen', 'Take back that an incident was acknowledged or closed.'),
  ).action(reopen)
  withCommonOptions(
    groupCommand(alerts, 'suppress', 'Leave incidents of a group out of lists and pushes. Alerts are kept.')
      .option('--for <length>', 'so long, such as 8h or 7d (default: until `unsuppress`)')
      .option('--note <text>', 'why, for others'),
  ).action(suppress)
  withCommonOptions(groupCommand(alerts, 'unsuppress', 'End a suppression, named as it was made.')).action(
    unsuppress,
  )
  withCommonOptions(
    alerts
      .command('suppressed')
      .description('List what is suppressed.')
      .argument('[stream]', 'only of this stream'),
  ).action(suppressed)
}

function incidentCommand(alerts: Command, name: string, description: string): Command {
  return alerts
    .command(name)
    .description(description)
    .argument('<stream>', 'the stream')
    .argument('<incident>', 'the id, as `weir alerts STREAM --incidents` shows it')
}

function groupCommand(alerts: Command, name: string, description: string): Command {
  return alerts
    .command(name)
    .description(description)
    .argument('<stream>', 'the stream')
    .argument('<group>', 'the group of alerts, or a pattern: * stands for any text')
}

async function mark(
  name: string,
  id: string,
  state: IncidentMark['state'],
  options: ActionOptions,
): Promise<void> {
  await withIncident(name, id, options, async (actions, incident, cursor) => {
    const { note } = options
    const { lastSeenMs } = incident
    const made = await refused(() => actions.mark(id, { state, lastSeenMs, cursor, ...(note && { note }) }))
    print(options, { ...incident, mark: made }, () => `${state}: ${alertLine(incident)}`)
  })
}

async function reopen(name: string, id: string, options: ActionOptions): Promise<void> {
  await withIncident(name, id, options, async (actions, incident) => {
    const { mark: was, ...open } = incident
    if (was === undefined || !(await actions.unmark(id)))
      throw new CommandError(`incident ${id} is neither acknowledged nor closed`)
    print(options, open, () => `open: ${alertLine(open)}`)
  })
}

async function withIncident(
  name: string,
  id: string,
  options: ActionOptions,
  action: (actions: AlertActions, incident: Incident, cursor: string) => Promise<void>,
): Promise<void> {
  const stream = requireStream(name)
  await withData(options, async (ports) => {
    const progress = progressLine()
    const onProgress = ({ pages, of }: { pages: number; of: number }) =>
      progress.update({
        done: pages,
        total: of,
        text: `${pages.toLocaleString('en-US')} pages of alerts searched`,
      })
    const found = await findIncident(ports, stream, id, { onProgress }).finally(() => progress.clear())
    if (found === undefined)
      throw new CommandError(
        `there is no incident ${JSON.stringify(id)} in ${name}: \`weir alerts ${name} --incidents\` lists them`,
      )
    await action(new AlertActions(name, ports), found.incident, found.cursor)
  })
}

async function suppress(name: string, group: string, options: ActionOptions): Promise<void> {
  const { name: stream } = requireStream(name)
  const forMs = lengthOption('--for', options.for)
  await withData(options, async (ports) => {
    const { note } = options
    const until = forMs === undefined ? {} : { untilMs: ports.clock.nowMs() + forMs }
    await refused(() => actionsOf(stream, ports).suppress(group, { ...until, ...(note && { note }) }))
    const what = { stream, group, ...until, ...(note && { note }) }
    print(options, what, () => `suppressed in ${stream}: ${group}`)
  })
}

async function unsuppress(name: string, group: string, options: ActionOptions): Promise<void> {
  const { name: stream } = requireStream(name)
  await withData(options, async (ports) => {
    if (!(await actionsOf(stream, ports).unsuppress(group)))
      throw new CommandError(
        `${JSON.stringify(group)} is not suppressed in ${stream}: \`weir alerts suppressed ${stream}\` lists what is`,
      )
    print(options, { stream, group }, () => `suppressed no more in ${stream}: ${group}`)
  })
}

async function suppressed(name: string | undefined, options: ActionOptions): Promise<void> {
  const wanted = name === undefined ? [...streams.values()] : [requireStream(name)]
  await withData(options, async (ports) => {
    const all: (Suppression & { readonly stream: string })[] = []
    for (const { name: stream } of wanted)
      for (const one of await actionsOf(stream, ports).suppressions()) all.push({ stream, ...one })
    print(options, { suppressed: all }, () =>
      all.length === 0 ? 'nothing is suppressed' : all.map(suppressionLine).join('\n'),
    )
  })
}

function suppressionLine({
  stream,
  group,
  sinceMs,
  untilMs,
  note,
}: Suppression & { stream: string }): string {
  const time = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
  const until = untilMs === undefined ? '' : ` until ${time(untilMs)}`
  return `${stream}: ${group} (since ${time(sinceMs)}${until})${note === undefined ? '' : `: ${note}`}`
}

function actionsOf(stream: string, ports: Pick<Ports, 'keyed' | 'clock'>): AlertActions {
  return new AlertActions(stream, ports)
}

/** What the store refuses is wrong usage. */
async function refused<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message)
    throw error
  }
}
