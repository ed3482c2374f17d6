import { type Command, Option } from 'commander'
import { queryView, viewNamed } from '../../lib/serve/query.ts'
import { streams } from '../../streams/index.ts'
import { type CommonOptions, print, UsageError, withCommonOptions } from '../command.ts'
import { table } from '../table.ts'
import { timeOption } from '../time.ts'
import { withPorts } from '../with-ports.ts'

interface QueryCommandOptions extends CommonOptions {
  readonly key?: string
  readonly from?: string
  readonly to?: string
  readonly bySlot?: boolean
  readonly layer: 'merged' | 'speed' | 'batch'
}

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
      new Option('--layer <layer>', 'which layer answers')
        .choices(['merged', 'speed', 'batch'])
        .default('merged'),
    )
  withCommonOptions(command).action(run)
}

async function run(viewId: string, options: QueryCommandOptions): Promise<void> {
  const view = namedView(viewId)
  const nowMs = Date.now()
  const from = timeOption('--from', options.from, nowMs)
  const to = timeOption('--to', options.to, nowMs)
  const { key, bySlot, layer } = options
  await withPorts(options, async (ports) => {
    const answer = await queryView(ports, view, { key, from, to, bySlot, layer }, nowMs)
    print(options, answer, () => {
      const rows = table(
        ['key', 'from', 'to', ...view.aggregates],
        answer.rows.map((row) => [row.key, row.from, row.to, ...view.aggregates.map((name) => row[name])]),
      )
      return answer.since === null ? rows : `${rows}\n\n${notBefore(viewId, answer.since)}`
    })
  })
}

function notBefore(viewId: string, since: string): string {
  return `Not all is counted here: ${viewId} is newer than some records. All that were appended from ${since} on are in it.`
}

function namedView(id: string) {
  try {
    return viewNamed(streams, id)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
