import type { Command } from 'commander'
import { activeTemplates, markNormal } from '../lib/batch/templates.ts'
import { viewNamed } from '../lib/serve/query.ts'
import { raiseRateChanges, rateChanges } from '../lib/serve/rate-changes.ts'
import { AlertLog } from '../lib/state/alert-log.ts'
import { ModelRegistryError } from '../lib/state/models.ts'
import { streams } from '../streams/index.ts'
import { CommandError, type CommonOptions, print, UsageError, withCommonOptions } from './command.ts'
import { requireStream } from './streams.ts'
import { table } from './table.ts'
import { timeOption } from './time.ts'
import { withPorts } from './with-ports.ts'

interface StreamOptions extends CommonOptions {
  readonly stream: string
  readonly undo?: boolean
}

/** The parts of `weir templates` that work on the model that scores a stream. */
export function registerModelCommands(command: Command): void {
  const list = command.command('list').description('The templates of the model that scores a stream.')
  withCommonOptions(list.option('--stream <stream>', 'whose model', 'logs')).action(given(runList))
  const changes = command
    .command('changes')
    .description('Slots in which a source wrote more or fewer lines of a template than its past lets expect.')
    .option(
      '--from <time>',
      'from this event time on: ISO 8601, ms, or 10m, 2h, 7d ago; the last hour without it',
    )
    .option('--to <time>', 'before this event time')
    .option(
      '--raise',
      'put those of the slots that ended since the last such call into the alerts, each once',
    )
  withCommonOptions(changes.option('--stream <stream>', 'whose model', 'logs')).action(given(runChanges))
  const normal = command
    .command('normal')
    .description('Say of templates that they are normal: their lines are no alerts any more.')
    .argument('<templateId...>', 'as alerts and `weir templates list` show them')
    .option('--undo', 'take it back')
  withCommonOptions(normal.option('--stream <stream>', 'whose model', 'logs')).action(
    (templateIds: readonly string[], _: unknown, command: Command) =>
      runNormal(templateIds, optionsOf(command)),
  )
}

function given<T extends StreamOptions>(run: (options: T) => Promise<void>) {
  return (_: unknown, command: Command) => run(optionsOf<T>(command))
}

/** Options may stand before or after the name of the part: what is given there counts, and not the other's default. */
function optionsOf<T extends StreamOptions>(command: Command): T {
  const options: Record<string, unknown> = command.opts()
  for (const [name, value] of Object.entries(command.parent?.opts() ?? {}))
    if (command.parent?.getOptionValueSource(name) === 'cli' && command.getOptionValueSource(name) !== 'cli')
      options[name] = value
  return options as unknown as T
}

interface ChangesOptions extends StreamOptions {
  readonly from?: string
  readonly to?: string
  readonly raise?: boolean
}

const HOUR_MS = 3_600_000

async function runChanges(options: ChangesOptions): Promise<void> {
  const stream = withTemplates(options.stream)
  const view = viewNamed(streams, `${stream}.${rateViewOf(stream)}`)
  if (options.raise === true) {
    const raised = await withPorts(options, (ports) =>
      raiseRateChanges(ports, view, new AlertLog(stream, ports)),
    )
    print(options, { stream, ...raised }, () => `${raised.changes} changes of rate raised as alerts`)
    return
  }
  const nowMs = Date.now()
  const toMs = timeOption('--to', options.to, nowMs) ?? nowMs
  const fromMs = timeOption('--from', options.from, nowMs) ?? toMs - HOUR_MS
  const answer = await withPorts(options, (ports) => rateChanges(ports, view, stream, { fromMs, toMs }))
  if (answer === undefined) throw noModel(stream)
  print(options, { stream, ...answer }, () =>
    table(
      ['from', 'source', 'rate', 'lines', 'expected', 'id', 'template'],
      answer.changes.map(({ fromMs: at, source, direction, found, expected, templateId, template }) => [
        new Date(at).toISOString(),
        source,
        direction,
        found,
        Math.round(expected * 10) / 10,
        templateId,
        template,
      ]),
    ),
  )
}

async function runList(options: StreamOptions): Promise<void> {
  const stream = withTemplates(options.stream)
  const templates = await withPorts(options, (ports) => activeTemplates(ports, stream))
  if (templates === undefined) throw noModel(stream)
  print(options, { stream, templates }, () =>
    table(
      ['id', 'lines', 'normal', 'template'],
      templates.map(({ templateId, count, normal, template }) => [
        templateId,
        count,
        normal ? 'yes' : '',
        template,
      ]),
    ),
  )
}

async function runNormal(templateIds: readonly string[], options: StreamOptions): Promise<void> {
  const stream = withTemplates(options.stream)
  const wrong = templateIds.find((id) => !/^[0-9a-f]{16}$/.test(id))
  if (wrong !== undefined)
    throw new UsageError(`${JSON.stringify(wrong)} is no template id: one has 16 hexadecimal digits`)
  const undo = options.undo === true
  const marked = await withPorts(options, async (ports) => {
    try {
      return await markNormal(ports, stream, templateIds, { undo })
    } catch (error) {
      if (error instanceof ModelRegistryError) throw new CommandError(error.message, { cause: error })
      throw error
    }
  })
  if (marked === undefined) throw noModel(stream)
  print(
    options,
    { stream, ...marked },
    () =>
      `${stream} is scored by ${marked.version} from now on, with ${marked.normal.length} templates called normal`,
  )
}

function rateViewOf(stream: string): string {
  const rateView = requireStream(stream).detector?.rateView
  if (rateView !== undefined) return rateView
  throw new UsageError(`the stream ${stream} declares no rateView: no view to read rates from`)
}

function withTemplates(name: string): string {
  const stream = requireStream(name)
  if (stream.detector?.kind === 'templates') return stream.name
  throw new UsageError(`the stream ${name} is not scored by templates`)
}

function noModel(stream: string): CommandError {
  return new CommandError(`${stream} has no model yet: weir train ${stream} makes one`)
}
