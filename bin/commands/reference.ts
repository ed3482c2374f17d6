import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { listTables, putTable, type TableVersion } from '../../lib/state/reference.ts'
import { type TableDefinition, TableError } from '../../lib/stream/table.ts'
import { streams } from '../../streams/index.ts'
import { CommandError, type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { table } from '../table.ts'
import { withPorts } from '../with-ports.ts'

export function register(program: Command): void {
  const reference = program
    .command('reference')
    .description(
      'The reference tables that streams look things up in: put a new file, or list what is in use.',
    )
  const putting = reference
    .command('put')
    .description('Use this file from now on; running functions take it up within seconds.')
    .argument('<name>', 'the table, e.g. sid-msg')
    .argument('<file>', 'the file')
  withCommonOptions(putting).action(put)
  withCommonOptions(
    reference.command('list').description('The tables there are, and which are in use.'),
  ).action(list)
}

async function put(name: string, file: string, options: CommonOptions): Promise<void> {
  const definitions = known().get(name)
  if (definitions === undefined)
    throw new UsageError(
      `no stream uses a table ${name}; there are: ${[...known().keys()].join(', ') || 'none'}`,
    )
  const bytes = await readFile(file)
  for (const { definition } of definitions) check(name, file, definition, bytes)
  const version = await withPorts(options, (ports) => putTable(ports, name, bytes))
  print(options, version, () => `${name} is ${version.version} from now on`)
}

function check(name: string, file: string, definition: TableDefinition<unknown>, bytes: Uint8Array): void {
  try {
    definition.parse(bytes)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    throw new CommandError(`${file}: ${error.message}. The table ${name} takes ${definition.takes}`, {
      cause: error,
    })
  }
}

async function list(options: CommonOptions): Promise<void> {
  const used = new Map<string, TableVersion>()
  await withPorts(options, async (ports) => {
    for (const version of await listTables(ports)) used.set(version.name, version)
  })
  const tables = [...known()].map(([name, users]) => {
    const streamNames = users.map(({ stream }) => stream)
    return { name, streams: streamNames, takes: users[0]?.definition.takes ?? '', ...used.get(name) }
  })
  if (tables.length === 0) say('no stream uses a reference table')
  print(options, { tables }, () =>
    table(
      ['table', 'streams', 'version', 'since', 'bytes', 'takes'],
      tables.map(({ name, streams: by, version, sinceMs, sizeBytes, takes }) => [
        name,
        by.join(' '),
        version ?? 'none yet',
        sinceMs === undefined ? '' : new Date(sinceMs).toISOString(),
        sizeBytes ?? '',
        takes,
      ]),
    ),
  )
}

interface User {
  readonly stream: string
  readonly definition: TableDefinition<unknown>
}

/** Tables by name, with the streams that use them. */
function known(): ReadonlyMap<string, readonly User[]> {
  const users = new Map<string, User[]>()
  for (const { name: stream, tables } of streams.values())
    for (const [name, definition] of Object.entries(tables))
      users.set(name, [...(users.get(name) ?? []), { stream, definition }])
  return users
}
