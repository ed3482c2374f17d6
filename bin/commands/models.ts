import type { Command } from 'commander'
import type { Ports } from '../../lib/ports/ports.ts'
import { activate, type ListedModel, listModels, ModelRegistryError } from '../../lib/state/models.ts'
import { streams } from '../../streams/index.ts'
import { CommandError, type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { withData } from '../with-ports.ts'

interface ModelsOptions extends CommonOptions {
  readonly activate?: string
}

export function register(program: Command): void {
  const command = program
    .command('models')
    .description('List the published models, or make one of them the active one again.')
    .argument('[stream]', 'e.g. network; all streams without it')
    .option('--activate <version>', 'let this version score from now on: how one rolls back')
  withCommonOptions(command).action(run)
}

async function run(streamName: string | undefined, options: ModelsOptions): Promise<void> {
  if (options.activate !== undefined && streamName === undefined)
    throw new UsageError('--activate needs a stream: weir models STREAM --activate VERSION')
  const names = streamName === undefined ? [...streams.keys()] : [requireStream(streamName).name]
  await withData(options, async (ports) => {
    if (options.activate !== undefined) await rollTo(ports, names[0] ?? '', options.activate)
    const models = (await Promise.all(names.map((name) => listModels(ports, name)))).flat()
    print(options, { models }, () => describe(models))
  })
}

async function rollTo(ports: Ports, stream: string, version: string): Promise<void> {
  try {
    await activate(ports, stream, version)
  } catch (error) {
    if (error instanceof ModelRegistryError) throw new CommandError(error.message, { cause: error })
    throw error
  }
  say(`${stream} is scored by ${version} from now on`)
}

function describe(models: readonly ListedModel[]): string {
  if (models.length === 0) return 'no models yet: weir train STREAM makes one'
  return table(
    ['stream', 'version', 'active', 'published', 'rows', 'signatures', 'threshold', 'separation'],
    models.map(({ stream, version, active, publishedMs, report }) => [
      stream,
      version,
      active ? 'yes' : '',
      new Date(publishedMs).toISOString(),
      report.rows,
      report.signatures,
      report.threshold,
      report.separation,
    ]),
  )
}
